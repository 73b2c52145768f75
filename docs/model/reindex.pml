/* Index segments that are replaced: repairs and moves put numbers into other places, or give them
 * up, while others do the same, end epochs and read.
 *
 * Segment s is the table of contents of pack s. Sets of segments, packs and numbers are bit masks;
 * a catalog is the number of an entry. What is referenced is every number that nobody has given up.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef REPAIRERS
#define REPAIRERS 2 /* at most 2 */
#endif
#ifndef WRITERS
#define WRITERS 0 /* at most 1 */
#endif
#ifndef ENDERS
#define ENDERS 1 /* at most 1 */
#endif
#ifndef READERS
#define READERS 0 /* at most 1 */
#endif
#ifndef ENTRIES
#define ENTRIES 3 /* journal entries after the first */
#endif
#ifndef SEGMENTS
#define SEGMENTS 5 /* the first two, and those that are made; at most 8 */
#endif
#ifndef EPOCHS
#define EPOCHS 3 /* the first, and one for each attempt to end one */
#endif
#define NUMBERS 3 /* two at first; the third is a writer's */

#define B(x) (1 << (x))

typedef Entry { /* what replaying the journal up to it yields */
  byte named;   /* segments that entries have introduced, */
  byte current; /* those that count */
  byte burnt;   /* numbers that were given up */
  byte ended;   /* packs that no current segment listed when an epoch ended */
  byte deaths;  /* entries so far that do more than introduce something */
  byte epoch
};
Entry journal[ENTRIES + 1];
byte head;

byte lists[SEGMENTS]; /* the numbers in a segment */
byte whole[SEGMENTS]; /* those of them whose bytes in the pack are good */
byte here;            /* packs in the store */
byte keys[EPOCHS];    /* packs whose keys are sealed in that epoch */
byte next_segment = 2, next_epoch = 1, damages;

#define ROOM (head < ENTRIES)
#define HEAD journal[head]
#define SEEN journal[catalog]

hidden byte k_, once_, twice_, good_;
hidden byte places, worse, lost, opened, misjudged; /* violations */

/* once_, twice_ := numbers in one or more, and in more than one of the segments; good_ := whole. */
inline find_places(segments) {
  once_ = 0; twice_ = 0; good_ = 0;
  for (k_ : 0 .. SEGMENTS - 1) {
    if
    :: segments & B(k_) ->
       twice_ = twice_ | (once_ & lists[k_]);
       once_ = once_ | lists[k_];
       good_ = good_ | whole[k_]
    :: else
    fi
  };
  k_ = 0
}

inline check() {
  /* 1. Each number is in one current segment, and those given up are in none. */
  find_places(HEAD.current);
  places = twice_ | (once_ & HEAD.burnt) | (3 & ~once_ & ~HEAD.burnt);
  assert(places == 0);
  /* 2. Its pack is in the store, with a key in the current epoch. */
  lost = HEAD.current & ~(here & keys[HEAD.epoch]);
  assert(lost == 0);
  /* 3. What has ended has no key in the current epoch. */
  opened = keys[HEAD.epoch] & HEAD.ended;
  assert(opened == 0)
}

inline append() {
  journal[head + 1].named = HEAD.named;
  journal[head + 1].current = HEAD.current;
  journal[head + 1].burnt = HEAD.burnt;
  journal[head + 1].ended = HEAD.ended;
  journal[head + 1].deaths = HEAD.deaths;
  journal[head + 1].epoch = HEAD.epoch;
  head++
}

/* Repairs segments, moves what is in them, or gives them up: whole segments, all current. */
#define CHOOSE(set) :: ((SEEN.current & (set)) == (set)) -> old = set
proctype Repairer() {
  byte catalog, old, new, sealed;
plan:
  atomic {
    catalog = head;
    if
    :: !ROOM -> goto over
    :: else
    fi;
    if
    CHOOSE(1) CHOOSE(2) CHOOSE(3) CHOOSE(4) CHOOSE(8) CHOOSE(16)
    :: SEEN.current == 0 -> goto over
    fi;
    if
    :: next_segment < SEGMENTS ->
       d_step {
         new = next_segment; next_segment++;
         /* Good bytes are copied, under their old numbers; the others get a place that is dead. */
         find_places(old);
         lists[new] = once_;
         whole[new] = good_;
         here = here | B(new)
       };
       if
       :: true
       :: whole[new] = lists[new] /* what was stored again takes the old numbers */
       fi
#ifdef LATER_WINS
    :: next_segment == SEGMENTS -> goto over
#else
    :: true -> new = SEGMENTS /* they are given up */
#endif
    fi;
    sealed = EPOCHS
  };
seal:
  atomic {
    if
#ifdef SEAL_ONCE
    :: new < SEGMENTS && sealed == EPOCHS ->
#else
    :: new < SEGMENTS && sealed != SEEN.epoch ->
#endif
       sealed = SEEN.epoch;
       d_step { keys[sealed] = keys[sealed] | B(new); check() }
    :: else
    fi
  };
commit:
  atomic {
    if
    :: head == catalog && ROOM ->
       d_step {
         find_places(HEAD.current);
         /* 4. What is whole stays whole. */
         worse = (new < SEGMENTS -> good_ & lists[new] & ~whole[new] : 0);
         assert(worse == 0);
         append();
         HEAD.deaths++;
         HEAD.current = HEAD.current & ~old;
#ifdef LATER_WINS
         for (k_ : 0 .. SEGMENTS - 1) {
           lists[k_] = ((HEAD.current & B(k_)) && new < SEGMENTS ->
                        lists[k_] & ~lists[new] : lists[k_])
         };
#endif
         HEAD.current = HEAD.current | (new < SEGMENTS -> B(new) : 0);
         HEAD.named = HEAD.named | HEAD.current;
         if
         :: new < SEGMENTS
         :: else -> find_places(old); HEAD.burnt = HEAD.burnt | once_
         fi;
         check()
       }
    :: head != catalog ->
       catalog = head;
       if
#if !defined(NO_CURRENT_CHECK) && !defined(LATER_WINS)
       :: old & ~SEEN.current -> goto plan /* the other's counts; it plans again */
#endif
       :: else -> goto seal
       fi
    :: head == catalog && !ROOM
    fi
  };
over:
  atomic { catalog = 0; old = 0; new = 0; sealed = 0 }
}

#if WRITERS > 0
/* Introduces a segment with the number that comes next. */
proctype Writer() {
  byte catalog, new, sealed;
end:
  atomic {
    next_segment < SEGMENTS && ROOM ->
    catalog = head; sealed = EPOCHS;
    new = next_segment; next_segment++;
    here = here | B(new)
  };
seal:
  atomic {
    if
    :: sealed != SEEN.epoch ->
       sealed = SEEN.epoch;
       d_step { keys[sealed] = keys[sealed] | B(new); check() }
    :: else
    fi
  };
  atomic {
    if
    :: head == catalog && ROOM ->
       d_step {
         append();
         lists[new] = 4; whole[new] = 4;
         HEAD.current = HEAD.current | B(new);
         HEAD.named = HEAD.named | B(new);
         check()
       }
    :: head != catalog -> catalog = head; goto seal
    :: head == catalog && !ROOM
    fi;
    catalog = 0; new = 0; sealed = 0
  }
}
#endif

#if ENDERS > 0
/* Ends epochs, and with them the packs that no current segment lists. */
proctype Ender() {
  byte catalog, epoch, keep, ends;
end:
  atomic {
    next_epoch < EPOCHS && ROOM ->
    catalog = head;
    epoch = next_epoch; next_epoch++
  };
plan:
  atomic {
    true;
    d_step {
      keep = SEEN.current;
      ends = SEEN.named & ~SEEN.current;
      keys[epoch] = keys[epoch] | keep;
      check()
    }
  };
  atomic {
    if
    :: head == catalog && ROOM ->
       d_step {
         append();
         HEAD.deaths++;
         HEAD.epoch = epoch;
         HEAD.ended = HEAD.ended | ends;
         check()
       }
    :: head != catalog && ROOM ->
#ifdef END_OVER_REINDEX
       d_step {
         append();
         HEAD.deaths++;
         HEAD.epoch = epoch;
         HEAD.ended = HEAD.ended | ends;
         check()
       }
#else
       if
#ifdef KEEP_OVER_REINDEX
       :: HEAD.epoch == SEEN.epoch -> catalog = head; goto plan
#else
       :: HEAD.deaths == SEEN.deaths -> catalog = head; goto plan /* it adds the newcomers' keys */
#endif
       :: else /* another attempt, with other secrets */
       fi
#endif
    :: !ROOM
    fi;
    catalog = 0; epoch = 0; keep = 0; ends = 0;
    goto end
  }
}
#endif

/* Packs that have ended are removed, and at most one number is damaged. */
#define STORE(s)                                                                            \
  :: d_step { s < SEGMENTS && (here & HEAD.ended & B(s)) -> here = here & ~B(s) }           \
  :: d_step {                                                                               \
       s < SEGMENTS && damages == 0 && (HEAD.current & B(s)) && (whole[s] & 1) ->           \
       damages++;                                                                           \
       whole[s] = whole[s] & ~1                                                             \
     }
proctype Store() {
end:
  do
  STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)
  od
}

#if READERS > 0
/* Reads the first number: finds its segment in the index that it has loaded, then its pack. */
#define LOOK_UP(s) :: s < SEGMENTS && (SEEN.current & B(s)) && (lists[s] & 1) -> segment = s
proctype Reader() {
  byte catalog, segment;
follow:
  atomic {
    catalog = head;
    if
    LOOK_UP(0) LOOK_UP(1) LOOK_UP(2) LOOK_UP(3) LOOK_UP(4) LOOK_UP(5) LOOK_UP(6) LOOK_UP(7)
    :: SEEN.burnt & 1 -> goto over
    fi
  };
  atomic {
    if
    :: here & B(segment)
    :: else ->
       /* 5. A reader that reports a loss is right. */
       misjudged = (head == catalog);
#ifdef NO_READER_RETRY
       misjudged = 1;
#endif
       assert(misjudged == 0);
       goto follow
    fi
  };
over:
  atomic { catalog = 0; segment = 0 }
}
#endif

init {
  d_step {
    lists[0] = 1; lists[1] = 2; whole[0] = 1; whole[1] = 2;
    here = 3; keys[0] = 3;
    journal[0].named = 3; journal[0].current = 3
  };
  atomic {
    run Store();
#if READERS > 0
    run Reader();
#endif
#if ENDERS > 0
    run Ender();
#endif
#if WRITERS > 0
    run Writer();
#endif
    run Repairer();
#if REPAIRERS > 1
    run Repairer()
#endif
  }
}
