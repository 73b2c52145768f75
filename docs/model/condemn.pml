/* Damaged packs: who finds one damaged condemns it in the journal, and nobody relies on it from
 * then on; who finds it whole clears it.
 *
 * One content, which all writers back up. A snapshot relies on one copy of it, a pack; a restore
 * takes any that is named, has not ended and is whole. Sets of packs are bit masks, a catalog is
 * the number of an entry. When nobody is at work any more, the last round is what goes on for ever
 * in reality: all packs are looked at, and each source is backed up once more.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef WRITERS
#define WRITERS 1 /* at most 2 */
#endif
#ifndef RUNS
#define RUNS 2 /* of each writer, before the last round */
#endif
#ifndef READERS
#define READERS 1 /* at most 2 */
#endif
#ifndef COLLECTORS
#define COLLECTORS 0 /* at most 1 */
#endif
#ifndef ENTRIES
#define ENTRIES 4 /* before the last round; at most 5 */
#endif
#ifndef PACKS
#define PACKS 3 /* before the last round; at most 5 */
#endif
#ifndef DAMAGES
#define DAMAGES 1 /* packs that are damaged */
#endif
#define ALL (ENTRIES + WRITERS)

#define B(x) (1 << (x))

typedef Entry { /* what replaying the journal up to it yields */
  byte named;     /* packs that entries have introduced */
  byte condemned; /* packs that nobody may rely on */
  byte cleared;   /* with BAR: packs that only slots with maintain may condemn again */
  byte ended;     /* packs that a collection has ended */
  byte live       /* packs that live snapshots rely on */
};
Entry journal[ALL + 1];
byte head;

byte whole; /* packs in the store that are whole */
byte next_pack = 1, damages, at_work;
bool is_last_round;

#define ROOM (head < ENTRIES + (is_last_round -> WRITERS : 0))
#define OPEN (head < ENTRIES && !is_last_round)
#define HEAD journal[head]
#define SEEN journal[catalog]
#define SOUND(n) (journal[n].named & ~journal[n].condemned & ~journal[n].ended)

hidden byte relied, lost, unhealed; /* violations */

inline append() {
  journal[head + 1].named = HEAD.named;
  journal[head + 1].condemned = HEAD.condemned;
  journal[head + 1].cleared = HEAD.cleared;
  journal[head + 1].ended = HEAD.ended;
  journal[head + 1].live = HEAD.live;
  head++
}

#define TAKE(set, p) :: ((set) & B(p)) -> pack = p

/* Which packs a backup does not take on the word of its cache. */
#ifdef CACHE_UNCHECKED
#define SPOILT 0
#else
#ifdef SINCE_THE_LAST
#define SPOILT (SEEN.condemned & ~journal[cached_at].condemned | SEEN.ended)
#else
#define SPOILT (SEEN.condemned | SEEN.ended)
#endif
#endif
#ifdef INDEX_UNCHECKED
#define KNOWN (SEEN.named & ~SEEN.ended)
#else
#define KNOWN SOUND(catalog)
#endif

proctype Writer() {
  byte catalog, start, pack, cached, cached_at, runs;
begin:
  atomic {
    runs++;
    if
    :: runs == RUNS + 1 -> at_work--; is_last_round
    :: runs == RUNS + 2 -> goto over
    :: else
    fi
  };
walk:
  atomic {
    catalog = head; start = head;
    if
    :: cached != 0 && !(B(cached - 1) & SPOILT) -> pack = cached - 1 /* the file has not changed */
    :: else ->
       if
       TAKE(KNOWN, 0) TAKE(KNOWN, 1) TAKE(KNOWN, 2) TAKE(KNOWN, 3) TAKE(KNOWN, 4)
       TAKE(KNOWN, 5) TAKE(KNOWN, 6)
       :: next_pack < PACKS + (is_last_round -> WRITERS : 0) -> /* it may trust nobody else */
          pack = next_pack; next_pack++; whole = whole | B(pack)
       :: next_pack >= PACKS + (is_last_round -> WRITERS : 0) && !KNOWN -> goto begin
       fi
    fi
  };
commit:
  atomic {
    if
    :: head != catalog ->
       catalog = head;
       if
       :: SEEN.ended & B(pack) -> goto walk
       :: else -> goto commit /* condemned only: old snapshots are no worse */
       fi
    :: head == catalog && !ROOM -> goto begin
    :: head == catalog && ROOM
    fi;
    d_step {
      /* 1. Nobody relies on what it knew to be condemned when it began to walk. */
      relied = B(pack) & journal[start].condemned;
      assert(relied == 0);
      append();
      HEAD.named = HEAD.named | B(pack);
      HEAD.live = HEAD.live | B(pack);
      cached = pack + 1; cached_at = head
    };
    goto begin
  };
over:
  atomic {
    d_step {
      /* 2. Once each source was backed up again, it can be restored from whole packs. */
      unhealed = cached != 0 && !(whole & B(cached - 1));
      assert(unhealed == 0);
      unhealed = HEAD.live && !(whole & HEAD.named & ~HEAD.ended);
      assert(unhealed == 0)
    };
    catalog = 0; start = 0; pack = 0; cached = 0; cached_at = 0
  }
}

#define PICK(p) :: OPEN && (HEAD.named & ~HEAD.ended & B(p)) -> pack = p

/* A slot with read. It may be wrong: its memory or its disk is bad, or it lies. */
proctype Reader() {
  byte catalog, pack;
end:
  do
  :: atomic {
       if
       PICK(0) PICK(1) PICK(2) PICK(3) PICK(4)
       fi;
       catalog = head
     };
     do
     :: atomic {
          if
          :: (SEEN.cleared | SEEN.condemned) & B(pack) -> break /* it would be void */
          :: !((SEEN.cleared | SEEN.condemned) & B(pack)) && OPEN && head == catalog ->
             d_step {
               append();
               HEAD.condemned = HEAD.condemned | B(pack)
             };
             break
          :: head != catalog -> catalog = head
          :: !OPEN -> break
          fi
        }
     od;
     atomic { catalog = 0; pack = 0 }
  od
}

#define CHOOSE(p) :: OPEN && (HEAD.condemned & ~HEAD.ended & whole & B(p)) -> pack = p

/* A slot with maintain reads a pack that is condemned, and clears it if it is whole. */
proctype Maintainer() {
  byte pack;
end:
  do
  :: atomic {
       if
       CHOOSE(0) CHOOSE(1) CHOOSE(2) CHOOSE(3) CHOOSE(4)
       fi
     };
     atomic {
       if
       :: OPEN && (HEAD.condemned & B(pack)) ->
          d_step {
            append();
#ifdef BAR
            HEAD.cleared = HEAD.cleared | B(pack);
#endif
            HEAD.condemned = HEAD.condemned & ~B(pack)
          }
       :: else
       fi;
       pack = 0
     }
  od
}

#define HURT(p) :: damages < DAMAGES && !is_last_round && (whole & B(p)) -> whole = whole & ~B(p)
proctype Damage() {
end:
  do
  :: atomic {
       if
       HURT(0) HURT(1) HURT(2) HURT(3) HURT(4)
       fi;
       damages++
     }
  od
}

#if COLLECTORS > 0
/* Retires, and ends packs that nothing live relies on, as of the very head. */
#define DROP(p) :: d_step { OPEN && (HEAD.live & B(p)) -> append(); HEAD.live = HEAD.live & ~B(p) }
#ifdef KEEP_COPIES
/* A copy of what lies in a condemned pack, too, and is needed, is kept. */
#define KEPT(n) (journal[n].live & journal[n].condemned -> 255 : journal[n].live)
#else
#define KEPT(n) (journal[n].live)
#endif
proctype Collector() {
  byte catalog;
end:
  do
  DROP(0) DROP(1) DROP(2) DROP(3) DROP(4)
  :: atomic {
       OPEN && (HEAD.named & ~HEAD.ended & ~KEPT(head)) -> catalog = head
     };
     atomic {
       if
       :: OPEN &&
#ifdef OVER_CONDEMNED
          HEAD.live == SEEN.live && HEAD.named == SEEN.named ->
#else
          head == catalog ->
#endif
          d_step {
            append();
            lost = (whole & HEAD.named & ~HEAD.ended) != 0;
            HEAD.ended = HEAD.ended | (SEEN.named & ~KEPT(catalog));
            /* 3. Where damage is known, the last whole copy of what is needed is not ended. */
            lost = lost && HEAD.live && (HEAD.live & ~whole & ~HEAD.condemned) == 0 &&
                   (whole & HEAD.named & ~HEAD.ended) == 0;
            assert(lost == 0)
          }
       :: else
       fi;
       catalog = 0
     }
  od
}
#endif

init {
  d_step {
    whole = 1; journal[0].named = 1; journal[0].live = 1; at_work = WRITERS
  };
  atomic {
    run Damage();
    run Reader();
#if READERS > 1
    run Reader();
#endif
    run Maintainer();
#if COLLECTORS > 0
    run Collector();
#endif
    run Writer();
#if WRITERS > 1
    run Writer()
#endif
  };
  /* The last round: a slot with read looks at all packs. */
  atomic {
    at_work == 0 ->
    d_step {
      is_last_round = true;
      HEAD.condemned = HEAD.condemned | (HEAD.named & ~whole & ~HEAD.cleared)
    }
  }
}
