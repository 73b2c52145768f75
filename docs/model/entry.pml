/* Which bytes are an entry of the journal, when the store loses copies of it, and when a slot puts
 * a second copy beside another's entry.
 *
 * Entry n has two copies; the second is put when the first has won the number. An entry is known by
 * its hash, which names the entry before it. All entries are signed and say their number.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef ENTRIES
#define ENTRIES 2 /* numbers after that of the first entry, which everybody knows */
#endif
#ifndef CLIENTS
#define CLIENTS 3 /* at most 3 */
#endif
#ifndef RUNS
#define RUNS 2 /* of each client: it replays, and commits one entry */
#endif
#ifndef LOSSES
#define LOSSES 1 /* copies that the store loses */
#endif
#ifndef HOSTILE
#define HOSTILE 0 /* second copies that a slot puts beside or before another's entry; at most 1 */
#endif
#define HASHES (2 * ENTRIES + 2)

#define B(x) (1 << (x))

byte first[ENTRIES + 2], second[ENTRIES + 2]; /* the copies; 0: none */
byte previous[HASHES]; /* of an entry: the hash that it names */
byte next_hash = 1, losses;
byte under_way[3]; /* the number that a client looks at and is going to put */

byte winner[ENTRIES + 2];  /* the entry that has won the number */
byte reported;             /* numbers that were reported as committed */

hidden byte k_, aside, forked, gap, gone, unnoticed; /* violations */
hidden byte is_beyond_;

#ifdef LOOK_BEFORE_PUT
#define LOOKED(n) !second[n]
#else
#define LOOKED(n) true
#endif

/* Something stands behind number n. A machine that knows the end looks at 1, 2, 4 … behind. */
inline look_beyond(n, is_cold) {
  is_beyond_ = false;
  for (k_ : 1 .. ENTRIES) {
    is_beyond_ = is_beyond_ ||
                 (k_ > n && (is_cold || k_ == n + 1 || k_ == n + 2 || k_ == n + 4) &&
                  (first[k_] || second[k_]))
  };
  k_ = 0
}

/* With one copy lost, nothing that was reported is out of reach. */
#if LOSSES == 1 && HOSTILE == 0 && !defined(LOST_UNDER_WAY) && !defined(LAST_LOST)
#define BREAK(n) d_step { gone = (reported >> (n)) != 0; assert(gone == 0) }
#else
#define BREAK(n) skip
#endif

/* Replays from `at`, whose hash is `hash`, to the end. Ends at `broken` when it does not go on. */
inline replay() {
  do
  :: atomic {
       if
       :: at < ENTRIES
       :: else -> break
       fi;
       under_way[me] = at + 1;
       copy = first[at + 1]
#ifdef SECOND_FIRST
       ;
       copy = (second[at + 1] -> second[at + 1] : copy)
#endif
#ifdef COMPARE_ALL
       ;
       if
       :: copy && second[at + 1] && second[at + 1] != copy -> goto broken /* two claim the number */
       :: else
       fi
#endif
     };
     if
     :: copy == 0 ->
        /* The second alone is put in the place of the first; what then is there counts. */
        atomic {
          copy = second[at + 1];
#ifndef SECOND_IS_ENOUGH
          if
          :: copy && !first[at + 1] ->
             first[at + 1] = copy;
             winner[at + 1] = ((reported & B(at + 1)) -> winner[at + 1] : copy)
          :: else
          fi;
          copy = first[at + 1]
#endif
#ifdef COMPARE_ALL
          ;
          if
          :: copy && second[at + 1] && second[at + 1] != copy -> goto broken
          :: else
          fi
#endif
        };
        if
        :: copy == 0 -> break
        :: else
        fi
     :: else
     fi;
     atomic {
       if
       :: previous[copy] != hash -> copy = 0; goto broken
       :: else
       fi;
       /* 1. What has won its number counts, and nothing in its place. */
       aside = (copy != winner[at + 1]);
       assert(aside == 0);
       at++;
       hash = copy;
       copy = 0
     }
  od
}

proctype Client(byte me) {
  byte at, hash, copy, runs;
#ifdef WARM
  bool is_cold = false;
#else
  bool is_cold = true;
#endif
begin:
  atomic {
    runs++;
    copy = 0;
    if
    :: runs > RUNS -> goto over
    :: else
    fi;
    under_way[me] = at + 1;
    /* The store must still show the entry that this machine has seen last. */
#ifndef NO_MEMORY
    if
    :: at > 0 && first[at] != hash && second[at] != hash -> goto broken
    :: else
    fi
#endif
  };
again:
  replay();
  atomic {
    copy = 0;
    /* A hole: entries behind the end. Whoever put this one meanwhile has left none. */
#ifndef NO_HOLE_LOOK
    look_beyond(at + 1, is_cold);
    if
    :: is_beyond_ && !first[at + 1] && !second[at + 1] ->
#ifdef OVER_THE_HOLE
       if
       :: first[at + 2] ->
          /* 3. Nobody follows over a hole. */
          gap = (previous[first[at + 2]] != hash);
          assert(gap == 0)
       :: else
       fi;
#endif
       BREAK(at + 1) -> goto broken
    :: else
    fi;
#endif
    is_cold = false;
    if
    :: at == ENTRIES -> goto over
    :: else
    fi
  };
  /* The head's second copy is completed first. */
#ifndef NO_COMPLETION
  atomic {
    if
    :: at > 0 && !second[at] && first[at] == hash -> second[at] = hash
    :: at > 0 && !second[at] && first[at] != hash -> BREAK(at) -> goto broken
#ifndef NO_COMPARE
    :: at > 0 && second[at] && second[at] != hash -> goto broken
    :: at == 0 || second[at] == hash
#else
    :: at == 0 || second[at]
#endif
    fi
  };
#endif
#ifdef TWIN_FIRST
  atomic {
    if
    :: !second[at + 1] && !first[at + 1] && next_hash < HASHES ->
       second[at + 1] = next_hash; previous[next_hash] = hash; copy = next_hash; next_hash++
    :: else
    fi
  };
#endif
  atomic {
    if
    :: first[at + 1] -> copy = 0; goto again /* another has won it */
    :: !first[at + 1] && next_hash < HASHES && LOOKED(at + 1)
    :: else -> copy = 0; goto broken
    fi;
    d_step {
      /* 4. No number is won twice. */
#ifndef LOST_UNDER_WAY
      forked = (winner[at + 1] != 0 && (reported & B(at + 1)));
      assert(forked == 0);
#endif
      if
      :: copy == 0 -> copy = next_hash; previous[copy] = hash; next_hash++
      :: else
      fi;
      first[at + 1] = copy;
      winner[at + 1] = (winner[at + 1] -> winner[at + 1] : copy)
    }
  };
  if
  :: true
  :: atomic { runs = RUNS; goto begin } /* it is cut off here */
  fi;
  /* Its second copy. What stands there stays, and nobody is told. */
  atomic {
    under_way[me] = 0;
    if
    :: !second[at + 1] -> second[at + 1] = copy
    :: else
    fi
  };
  atomic {
#ifndef NO_COMPARE
    if
    :: second[at + 1] != copy -> copy = 0; goto broken
    :: else
    fi;
#else
    if
    :: first[at + 1] != copy && second[at + 1] != copy -> copy = 0; goto broken
    :: else
    fi;
#endif
    d_step {
      /* 5. What is reported has won its number, and stands on what had won the one before. */
      unnoticed = (winner[at + 1] != copy) | (at > 0 && winner[at] != hash);
      assert(unnoticed == 0);
      reported = reported | B(at + 1)
    };
    at++;
    hash = copy;
    copy = 0
  };
  goto begin;
broken: /* it reads what is before, says so, and does not commit */
over:
  atomic { under_way[me] = 0; at = 0; hash = 0; copy = 0; runs = 0; is_cold = false }
}

/* The store loses copies, but not of a number that somebody looks at and is about to take, nor of
 * the one before. */
#ifdef LOST_UNDER_WAY
#define MAY_LOSE(n) true
#else
#define IDLE(c, n) (under_way[c] != n && under_way[c] != n + 1)
#define MAY_LOSE(n) (IDLE(0, n) && IDLE(1, n) && IDLE(2, n))
#endif
/* Nor the last entry for good, for that only memory can tell. */
#ifdef LAST_LOST
#define IS_LAST(n, other) false
#else
#define IS_LAST(n, other) (!other[n] && !first[n + 1] && !second[n + 1])
#endif
#define LOSE(n)                                                                            \
  :: d_step {                                                                              \
       n <= ENTRIES && losses < LOSSES && first[n] && MAY_LOSE(n) && !IS_LAST(n, second) -> \
       losses++;                                                                           \
       first[n] = 0;                                                                       \
       FORGET(n, second)                                                                   \
     }                                                                                     \
  :: d_step {                                                                              \
       n <= ENTRIES && losses < LOSSES && second[n] && MAY_LOSE(n) && !IS_LAST(n, first) -> \
       losses++;                                                                           \
       second[n] = 0;                                                                      \
       FORGET(n, first)                                                                    \
     }
#ifdef LAST_LOST
#define FORGET(n, other) \
  winner[n] = ((other[n] || first[n + 1] || second[n + 1]) -> winner[n] : 0)
#else
#define FORGET(n, other) skip
#endif

proctype Loser() {
end:
  do
  LOSE(1) LOSE(2) LOSE(3) LOSE(4)
  od
}

#if HOSTILE > 0
/* A slot's entry that fits, as the second copy of a number that is free or just taken. */
#define PLANT(n)                                                                      \
  :: n <= ENTRIES && !second[n] && !first[n + 1] && (n == 1 || first[n - 1]) ->       \
     previous[next_hash] = (n == 1 -> 0 : first[n - 1]);                              \
     second[n] = next_hash;                                                           \
     next_hash++
proctype Hostile() {
end:
  atomic {
    if
    PLANT(1) PLANT(2) PLANT(3)
    fi
  }
}
#endif

init {
  atomic {
    run Loser();
#if HOSTILE > 0
    run Hostile();
#endif
    run Client(0);
#if CLIENTS > 1
    run Client(1);
#endif
#if CLIENTS > 2
    run Client(2)
#endif
  }
}
