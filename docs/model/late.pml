/* Puts that land late: a client gets no answer, reads *absent*, goes on, and its bytes come then.
 *
 * Each client puts one object and commits one entry that names it, in one run. By default objects
 * are named by their hash, as packs are: other bytes are another object. With FIXED an object lies
 * under a path of its client's, as a grant or a slot object does, and what lands there first stays;
 * nobody is told. An ender ends unnamed objects by name. A put without an answer lands at any
 * later time, more than once, or never.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef CLIENTS
#define CLIENTS 1 /* at most 2 */
#endif
#ifndef OBJECTS
#define OBJECTS 3 /* bytes that are ever put as objects; at most 8 */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 4 /* bytes that are ever put as entries; at most 8 */
#endif
#ifndef ENTRIES
#define ENTRIES 3
#endif

#define B(x) (1 << (x))
#define ENDER 2
#define NONE 255

typedef Entry { /* as of an entry */
  byte named;   /* objects that entries name */
  byte ended    /* objects that entries have ended */
};
Entry journal[ENTRIES + 1];
byte winner[ENTRIES + 1] = NONE; /* which attempt is the entry */
byte head;

byte here;           /* objects in the store */
byte flying;         /* objects of which a put without an answer may still land */
byte flying_entries; /* the same of attempts of entries */
byte owner[OBJECTS] = NONE;
byte next_object, next_attempt;

byte number[ATTEMPTS];  /* of an attempt: its number in the journal, */
byte author[ATTEMPTS];  /* whose it is, */
byte subject[ATTEMPTS]; /* the object that it names, or the objects that it ends */

hidden byte k_, is_free_, lost, repeated; /* violations */

/* 1. What an entry names is there, and is what the entry names. */
inline check() {
  lost = journal[head].named & ~here;
  assert(lost == 0)
}

inline land(o) {
  is_free_ = 1;
#ifdef FIXED
  for (k_ : 0 .. OBJECTS - 1) {
    is_free_ = is_free_ && !(owner[k_] == owner[o] && (here & B(k_)))
  };
#endif
  here = (is_free_ -> here | B(o) : here)
}

/* The store puts an entry, if its number is free. */
inline land_entry(e) {
  if
  :: head < ENTRIES && number[e] == head + 1 ->
     journal[head + 1].named = journal[head].named;
     journal[head + 1].ended = journal[head].ended;
     head++;
     winner[head] = e;
     /* 2. A run has one entry. */
     repeated = 0;
     for (k_ : 1 .. head - 1) {
       repeated = repeated | (author[e] != ENDER && author[winner[k_]] == author[e])
     };
     assert(repeated == 0);
     if
     :: author[e] == ENDER -> journal[head].ended = journal[head].ended | subject[e]
     :: else -> journal[head].named = journal[head].named | B(subject[e])
     fi;
     check();
     /* What has lost the number can never land: forget it, which keeps the states few. */
     for (k_ : 0 .. ATTEMPTS - 1) {
       flying_entries = (number[k_] == head -> flying_entries & ~B(k_) : flying_entries);
       subject[k_] = (number[k_] == head -> 0 : subject[k_]);
       number[k_] = (number[k_] == head -> 0 : number[k_])
     };
     k_ = 0
  :: else
  fi
}

inline new_attempt(who, what) {
  last = next_attempt; next_attempt++;
  number[last] = catalog + 1; author[last] = who; subject[last] = what
}

proctype Client(byte me) {
  byte catalog, object, last = NONE, mine, found;
store:
  atomic {
    if
    :: next_object < OBJECTS -> object = next_object; next_object++; owner[object] = me
    :: else -> goto done
    fi
  };
put:
  atomic {
    if
    :: d_step { land(object) }
    :: flying = flying | B(object);
       if
       :: true /* it has landed, and is found by reading back */
       :: goto put /* the same bytes again */
#if !defined(FIXED) || defined(FRESH_BYTES)
       :: goto store /* other bytes */
#endif
#ifdef NO_ANSWER_IS_DONE
       :: goto replay
#endif
       fi;
#ifdef FIXED
       d_step { land(object) }
#else
       d_step { here = here | B(object) }
#endif
    fi
  };
replay:
  atomic {
    catalog = head;
    /* Every attempt is remembered: one's own bytes in the journal are success. */
#ifndef OWN_IS_ANOTHERS
    d_step {
      found = 0;
      for (k_ : 1 .. ENTRIES) {
#ifdef FORGETS
        found = found | (last != NONE && winner[k_] == last)
#else
        found = found | (winner[k_] != NONE && (mine & B(winner[k_])))
#endif
      }
    };
    if
    :: found -> goto done
    :: else
    fi;
    last = NONE;
#endif
    /* An object whose name was ended is put again under another. */
    if
    :: journal[catalog].ended & B(object) ->
#ifdef REUSE_NAME
       goto put_again
#else
       goto store
#endif
    :: else
    fi
  };
commit:
  atomic {
    if
    :: head != catalog -> goto replay
    :: head == catalog && head < ENTRIES
    :: head == catalog && head == ENTRIES -> goto done
    fi;
    if
    :: last != NONE && number[last] == catalog + 1 && subject[last] == object /* the same bytes */
    :: next_attempt < ATTEMPTS -> d_step { new_attempt(me, object); mine = mine | B(last) }
    :: else -> goto done
    fi;
    if
    :: d_step { land_entry(last) } -> goto done
    :: d_step { land_entry(last) } -> goto replay /* no answer, or a no about its own */
    :: flying_entries = flying_entries | B(last)
    fi
  };
  /* No answer came, and under the number there is nothing. */
  if
  :: goto commit
#ifndef FIXED
  :: goto store /* it goes on with another object */
#endif
  :: d_step {
#ifdef GIVE_UP_REMOVES
       here = here & ~B(object); check()
#else
       true
#endif
     } -> goto done
  fi;
#ifdef REUSE_NAME
put_again:
  atomic { true; d_step { land(object) } };
  goto commit;
#endif
done:
  atomic { catalog = 0; object = 0; last = 0; mine = 0; found = 0 }
}

/* Ends objects that no entry names, by name, or commits anything else; and may get no answer. */
proctype Ender() {
  byte catalog, last, ends;
end:
  atomic {
    next_attempt < ATTEMPTS && head < ENTRIES;
    catalog = head;
    if
    :: true
#ifndef FIXED
    :: ends = here & ~journal[catalog].named & ~journal[catalog].ended
#endif
    fi;
    d_step { new_attempt(ENDER, ends) }
  };
  atomic {
    if
    :: d_step { land_entry(last) }
    :: flying_entries = flying_entries | B(last);
#ifdef END_WITHOUT_ANSWER
       d_step { here = here & ~ends; check() }
#endif
    fi;
    catalog = 0; last = 0; ends = 0;
    goto end
  }
}

#define LAND(i)                                                                              \
  :: d_step { i < OBJECTS && (flying & B(i)) && !(here & B(i)) -> land(i) }                   \
  :: d_step {                                                                                 \
       i < ATTEMPTS && (flying_entries & B(i)) && number[i] == head + 1 && head < ENTRIES ->  \
       land_entry(i)                                                                          \
     }                                                                                        \
  :: d_step {                                                                                 \
       i < OBJECTS && (here & B(i)) && (journal[head].ended & B(i)) ->                        \
       here = here & ~B(i);                                                                   \
       check()                                                                                \
     }

/* The network, and a clean-up. */
proctype Network() {
end:
  do
  LAND(0) LAND(1) LAND(2) LAND(3) LAND(4) LAND(5) LAND(6) LAND(7)
  od
}

init {
  atomic {
    run Network();
    run Ender();
    run Client(0);
#if CLIENTS > 1
    run Client(1)
#endif
  }
}
