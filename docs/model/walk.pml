/* A backup that relies on what others end: it walks its source, and each time that it replays the
 * journal it compares what it relies on with what has ended. Where they meet it walks again, in the
 * same run.
 *
 * As in commit.pml two contents are backed up, copy 2p+f is content f in pack p, sets of copies are
 * bit masks, and a catalog is the number of an entry. What it relies on is of three kinds: numbers
 * that it found in the index, numbers of a pending snapshot that it goes on from, and numbers that
 * the cache names for files that have not changed. Packs, keys and epochs are commit.pml's.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef WRITERS
#define WRITERS 1 /* at most 2 */
#endif
#ifndef ENTRIES
#define ENTRIES 4 /* journal entries after the first; at most 5 */
#endif
#ifndef PACKS
#define PACKS 3 /* the first, and those that writers store; at most 4 */
#endif
#ifndef RUNS
#define RUNS 2 /* of each writer */
#endif

#define B(x) (1 << (x))
#define CONTENTS(m) (((m) | (m) >> 2 | (m) >> 4 | (m) >> 6) & 3)
#define OF(f) (85 << (f)) /* all copies of a content */

typedef Entry {
  byte references; /* if it is a snapshot's */
  byte named;      /* copies that entries have introduced */
  byte ended;      /* copies that have ended */
  byte listed;     /* those that the newest object of ended numbers lists */
  byte live        /* entries whose snapshots are not retired */
};
Entry journal[ENTRIES + 1];
byte head;
byte stored; /* copies in the store */
byte next_pack = 1;

#define ROOM (head < ENTRIES)
#define HEAD journal[head]
#define SEEN journal[catalog]

hidden byte k_, live_;
hidden byte lost, stuck; /* violations */

inline find_live() {
  live_ = 0;
  for (k_ : 0 .. ENTRIES) {
    live_ = live_ | (HEAD.live & B(k_) -> journal[k_].references : 0)
  }
}

inline check() {
  /* 1. Nothing that a live snapshot references has ended. */
  find_live();
  lost = live_ & HEAD.ended;
  assert(lost == 0)
}

inline append() {
  journal[head + 1].named = HEAD.named;
  journal[head + 1].ended = HEAD.ended;
  journal[head + 1].listed = HEAD.listed;
  journal[head + 1].live = HEAD.live;
  head++
}

/* One content of the source, at a moment of the walk. */
#define KNOWN (SEEN.named & ~SEEN.listed)
#define TAKE(set, kind, p)                                       \
  :: ((set) & OF(f) & (3 << 2 * (p))) -> kind = kind | ((set) & OF(f) & (3 << 2 * (p)))
inline walk(f) {
  atomic {
    if
    :: own & OF(f)
    :: else ->
       if
       TAKE(cache, unchanged, 0) TAKE(cache, unchanged, 1)
       TAKE(cache, unchanged, 2) TAKE(cache, unchanged, 3)
       TAKE(pending, adopted, 0) TAKE(pending, adopted, 1)
       TAKE(pending, adopted, 2) TAKE(pending, adopted, 3)
       TAKE(KNOWN, absolute, 0) TAKE(KNOWN, absolute, 1)
       TAKE(KNOWN, absolute, 2) TAKE(KNOWN, absolute, 3)
       :: next_pack < PACKS ->
          own = own | B(f) << 2 * next_pack;
          stored = stored | B(f) << 2 * next_pack;
          next_pack++
       :: next_pack == PACKS && !((cache | pending | KNOWN) & OF(f)) -> goto out
       fi
    fi
  }
}

/* What each replay compares with what has ended. */
#ifdef CACHE_UNCHECKED
#define RELIED (absolute | adopted)
#else
#ifdef ADOPTED_UNCHECKED
#define RELIED (absolute | unchanged)
#else
#ifdef ABSOLUTE_UNCHECKED
#define RELIED (adopted | unchanged)
#else
#define RELIED (absolute | adopted | unchanged)
#endif
#endif
#endif

/* The entry of what was found so far. */
inline commit(is_pending) {
  append();
  HEAD.references = absolute | adopted | unchanged | own;
  HEAD.named = HEAD.named | own;
  HEAD.live = (mine != 0 -> HEAD.live & ~B(mine) : HEAD.live) | B(head);
  mine = (is_pending -> head : 0);
  catalog = head;
  check()
}

proctype Writer() {
  byte catalog, start, cache, pending, mine, absolute, adopted, unchanged, own, walks, runs;
  cache = journal[0].references;
begin:
  atomic {
    runs++;
    absolute = 0; adopted = 0; unchanged = 0; own = 0; walks = 0; pending = 0;
    if
    :: runs > RUNS -> goto over
    :: else
    fi;
    catalog = head;
    /* A machine may have lost its cache. */
    if
    :: cache = 0
    :: cache != 0
    fi;
    /* It goes on from its own pending snapshot, but adopts nothing of one that meets ended ones. */
    if
    :: mine != 0 && (SEEN.live & B(mine)) && (journal[mine].references & SEEN.listed) == 0 ->
       pending = journal[mine].references
    :: else -> mine = 0
    fi
  };
again:
  atomic {
    start = catalog;
    absolute = 0; adopted = 0; unchanged = 0;
    /* Files whose cached numbers have ended count as changed. */
#ifndef WALK_BY_CACHE
    cache = cache & ~SEEN.listed;
#endif
    pending = pending & ~SEEN.listed
  };
  walk(0);
  /* It may commit what it has as a pending snapshot. */
  if
  :: true
  :: atomic {
       head == catalog && ROOM && mine == 0 ->
#ifndef CHECK_ONCE
       if
       :: (RELIED & SEEN.listed) != 0 -> goto met
       :: else
       fi;
#endif
       d_step { commit(1) };
       absolute = absolute | own; /* named now: no longer its own */
       own = 0;
       if
       :: true
       :: goto begin /* it is cut off, and begins anew */
       fi
     }
  fi;
  walk(1);
#ifdef CHECK_ONCE
  /* Before the upload, and never again. */
  atomic {
    catalog = head;
    if
    :: (RELIED & SEEN.listed) != 0 -> goto met
    :: else
    fi
  };
#endif
replay:
  atomic {
    catalog = head;
    own = own & ~SEEN.listed;
    if
    :: mine != 0 && !(SEEN.live & B(mine)) -> mine = 0 /* it replaces only what is still pending */
    :: else
    fi;
#ifndef CHECK_ONCE
    if
    :: (RELIED & SEEN.listed) != 0 -> goto met
    :: else
    fi;
#endif
    if
    :: CONTENTS(absolute | adopted | unchanged | own) != 3 -> goto met
    :: else
    fi
  };
  atomic {
    if
    :: head != catalog ->
#ifdef CHECK_AT_FIRST_TRY
       catalog = head; own = own & ~SEEN.listed;
       if
       :: ROOM && CONTENTS(absolute | adopted | unchanged | own) == 3 -> d_step { commit(0) };
       :: else -> goto out
       fi
#else
       goto replay
#endif
    :: head == catalog && ROOM -> d_step { commit(0) }
    :: head == catalog && !ROOM -> goto out
    fi;
    cache = journal[head].references;
    goto begin
  };
met:
  atomic {
    /* 2. A walk relies on nothing that had ended when it began. */
    stuck = (absolute | adopted | unchanged) & journal[start].ended;
    assert(stuck == 0);
    walks++;
    if
    :: walks < 3 -> goto again
    :: walks == 3 /* it says so, exit code 5 */
    fi
  };
out:
  goto begin;
over:
  atomic { catalog = 0; start = 0; cache = 0; mine = 0; runs = 0 }
}

#define RETIRE(n)                       \
  :: d_step {                           \
       ROOM && (HEAD.live & B(n)) ->    \
       append();                        \
       HEAD.live = HEAD.live & ~B(n)    \
     }

#define END(what)                                                     \
  :: atomic {                                                         \
       d_step { ROOM -> find_live() };                                \
       if                                                             \
       :: (what & ~live_ & ~HEAD.ended) != 0 ->                       \
          d_step {                                                    \
            append();                                                 \
            HEAD.listed = LISTED(what & ~live_ & ~HEAD.ended);        \
            HEAD.ended = HEAD.ended | (what & ~live_);                \
            check()                                                   \
          }                                                           \
       :: else                                                        \
       fi                                                             \
     }
#ifdef NEWEST_ONLY
#define LISTED(m) (m)
#else
#define LISTED(m) (HEAD.ended | (m))
#endif

/* Retires, and ends what is dead at the very head: all, a content, or what no entry names. */
proctype Operator() {
end:
  do
  RETIRE(0) RETIRE(1) RETIRE(2) RETIRE(3) RETIRE(4)
  END((HEAD.named & OF(0)))
  END((HEAD.named & OF(1)))
  END(stored)
  od
}

init {
  d_step {
    stored = 3; journal[0].named = 3; journal[0].references = 3; journal[0].live = 1
  };
  atomic {
    run Operator();
    run Writer();
#if WRITERS > 1
    run Writer()
#endif
  }
}
