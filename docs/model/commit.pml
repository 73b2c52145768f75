/* The commit protocol of Kist: writers, enders of epochs, clean-up and a reader around one journal.
 *
 * Two contents are backed up, 0 and 1. A pack has two frames of one block each; frame f of pack p
 * is the copy 2p+f, and its content is f. Sets of copies are bit masks. A client's catalog is the
 * journal replayed up to an entry, so that entry's number stands for it.
 *
 * A client that stops for ever, at any step, is one that is not scheduled again: every run has it.
 * One that begins anew without its memory is another client. A power cut (POWER) takes the memory
 * of all at once, and what no barrier has made durable.
 *
 * README.md has the properties and the switches, each of which takes one rule out.
 */
#ifndef WRITERS
#define WRITERS 1 /* at most 2 */
#endif
#ifndef ENDERS
#define ENDERS 1 /* at most 2 */
#endif
#ifndef READERS
#define READERS 0 /* at most 1 */
#endif
#ifndef ENTRIES
#define ENTRIES 2 /* journal entries after the first; at most 4 */
#endif
#ifndef PACKS
#define PACKS 3 /* the first, and those that writers store; at most 4 */
#endif
#ifndef EPOCHS
#define EPOCHS 3 /* the first, and one for each plan to end one; at most 4 */
#endif
#ifndef POWER
#define POWER 0 /* at most 1 */
#endif

#define B(x) (1 << (x))
#ifdef LATE
#define SEAL(e, copies) keys[e] = keys[e] | (copies); once[e] = once[e] | (copies)
#else
#define SEAL(e, copies) keys[e] = keys[e] | (copies)
#endif
#define PACK(p) (3 << 2 * (p))                                   /* the copies in a pack */
#define CONTENTS(m) (((m) | (m) >> 2 | (m) >> 4 | (m) >> 6) & 3) /* what these copies hold */

/* One entry: what it is, and what replaying the journal up to it yields. */
typedef Entry {
  byte references; /* the reference set, if it is a snapshot's entry */
  byte author;     /* which run of which writer wrote it, if it is a snapshot's */
  byte epoch;      /* the current epoch */
  byte named;      /* copies that entries have introduced */
  byte ended;      /* copies that ending entries have ended, those of unnamed packs included */
  byte live        /* entries whose snapshots are not retired */
};
Entry journal[ENTRIES + 1];
byte head; /* the last entry */

byte frames;         /* copies whose packs are in the store */
byte keys[EPOCHS];   /* copies whose frame keys are in key segments sealed in that epoch */
#ifdef LATE
byte once[EPOCHS];   /* the same, at any time */
#endif
byte boxes;          /* epochs whose boxes are in the store */
byte anchors;        /* epochs whose anchors are in the store */
byte number[EPOCHS]; /* of an epoch; the index is its id */
byte next_pack = 1, next_epoch = 1;

byte durable;  /* the last entry that survives a power cut: the store keeps entries in order */
byte wet;      /* copies whose pack or key segment a power cut may lose */
byte wet_end;  /* epochs whose objects a power cut may lose */
byte down;     /* clients that a power cut has stopped */
byte reported; /* entries that a writer has reported as committed */
byte replayed; /* the greatest head that a writer has remembered (NO_FALSE_ALARM only) */
byte disposed; /* copies that a finished clean-up has declared gone (DISPOSED_FOR_EVER only) */

#if POWER > 0
#define MARK(set, what) set = set | (what)
#define UNMARK(set, what) set = set & ~(what)
#define BARRIER_OF_JOURNAL(n) durable = (durable < n -> n : durable)
#define STOPPED(client) unless { (down & B(client)) -> goto begin }
#else
#define MARK(set, what) skip
#define UNMARK(set, what) skip
#define BARRIER_OF_JOURNAL(n) skip
#define STOPPED(client)
#endif

#define ROOM (head < ENTRIES)
#define HEAD journal[head]
#define SEEN journal[catalog]

hidden byte k_, live_, opens_;
hidden byte lost, opened, undone, repeated, misjudged; /* violations */

/* live_ := the copies that live snapshots reference as of entry n. */
inline find_live(n) {
  live_ = 0;
  for (k_ : 0 .. ENTRIES) {
    live_ = live_ | (journal[n].live & B(k_) -> journal[k_].references : 0)
  }
}

/* opens_ := the copies whose keys can be had from all boxes, anchors and key segments together. The
 * share that stands in an epoch's entry is taken for known, of lost attempts too: a store with named
 * temporary files may show it. */
#ifdef NO_ANCHOR
#define OPENS(e) opens_ = opens_ | (boxes & B(e) -> keys[e] : 0)
#else
#define OPENS(e) opens_ = opens_ | (boxes & anchors & B(e) -> keys[e] : 0)
#endif
inline find_opens() {
  opens_ = 0;
  for (k_ : 0 .. EPOCHS - 1) { OPENS(k_) }
}

/* What holds at every state of the journal and the store. */
inline check() {
  find_live(head);
  /* 1. Nothing referenced is lost. */
  lost = (live_ & ~HEAD.named) | (live_ & HEAD.ended) | (live_ & ~frames) |
         (live_ & ~keys[HEAD.epoch]) | !(boxes & anchors & B(HEAD.epoch));
  assert(lost == 0);
  /* 2. What was ended opens nowhere. */
  opened = keys[HEAD.epoch] & HEAD.ended;
#ifdef DISPOSED_FOR_EVER
  find_opens();
  opened = opened | (opens_ & disposed);
#endif
  assert(opened == 0)
}

/* The compare-and-swap has put an entry under the next number: so far the state is as before. */
inline append() {
  journal[head + 1].epoch = HEAD.epoch;
  journal[head + 1].named = HEAD.named;
  journal[head + 1].ended = HEAD.ended;
  journal[head + 1].live = HEAD.live;
  head++
}

/* A backup of both contents. */
#define USE(copy)                                      \
  :: (known & B(copy)) && (need & B((copy) & 1)) ->    \
     refs = refs | B(copy);                            \
     need = need & ~B((copy) & 1)

proctype Writer(byte client) {
  byte catalog, refs, own, sealed, need, known, runs;
begin:
  atomic { down = down & ~B(client); refs = 0; own = 0; sealed = 0; runs++ };
sync:
  {
    atomic {
      catalog = head;
#ifdef REPLAY_AFTER_BARRIER
      BARRIER_OF_JOURNAL(head);
#endif
#ifdef NO_FALSE_ALARM
      replayed = (replayed < head -> head : replayed);
#endif
      /* An answer that was lost is settled by reading back. */
#ifndef NO_READ_BACK
      d_step {
        for (k_ : 1 .. ENTRIES) {
          known = (journal[k_].author == 2 * runs + client -> k_ : known)
        }
      };
#endif
      if
      :: known != 0 -> catalog = known; known = 0; goto report
      :: else
      fi;
      d_step {
        /* The duties: whatever was ended is stored again. */
#ifndef NO_REFERENCE_CHECK
        refs = refs & ~SEEN.ended;
#endif
#ifndef NO_OWN_CHECK
        own = own & ~SEEN.ended;
#endif
        need = 3 & ~CONTENTS(refs | own);
        known = SEEN.named & ~SEEN.ended;
#ifdef ADOPT_UNNAMED
        known = known | (frames & keys[SEEN.epoch] & ~SEEN.ended)
#endif
      };
      /* What is condemned is stored again, the rest referenced: here, any choice may be made. */
      do
      USE(0) USE(1) USE(2) USE(3) USE(4) USE(5) USE(6) USE(7)
      :: break
      od;
      known = 0;
      if
      :: need == 0
      :: need != 0 && next_pack < PACKS ->
         own = own | need << 2 * next_pack;
         frames = frames | need << 2 * next_pack;
         MARK(wet, need << 2 * next_pack);
         sealed = 0; need = 0; next_pack++
      :: need != 0 && next_pack == PACKS -> need = 0; goto out
      fi
    };
    /* Keys of its own, which are in memory, are sealed in the epoch that it has seen. */
    if
#ifdef NO_RESEAL
    :: atomic { own != 0 && sealed == 0 ->
#else
    :: atomic { own != 0 && sealed != SEEN.epoch + 1 ->
#endif
         sealed = SEEN.epoch + 1;
         d_step { SEAL(SEEN.epoch, own); MARK(wet, own); check() } }
    :: else
    fi;
    /* One barrier, then the entry. */
    if
    :: atomic { head != catalog -> goto sync }
    :: atomic { head == catalog && !ROOM -> goto out }
    :: atomic { head == catalog && ROOM ->
         d_step {
#ifndef ENTRY_BEFORE_BARRIER
           UNMARK(wet, own);
#endif
           /* 3. A backup has one entry. */
           repeated = 0;
           for (k_ : 1 .. ENTRIES) {
             repeated = repeated | (journal[k_].author == 2 * runs + client)
           };
           assert(repeated == 0);
           append();
           HEAD.references = refs | own;
           HEAD.named = HEAD.named | refs | own;
           HEAD.live = HEAD.live | B(head);
           HEAD.author = 2 * runs + client;
           check()
         };
         if
         :: catalog = head
         :: goto sync /* no answer came */
         fi }
    fi;
report:
    atomic {
#ifndef REPORT_BEFORE_BARRIER
      BARRIER_OF_JOURNAL(catalog);
#endif
      UNMARK(wet, own);
      MARK(reported, B(catalog))
    };
out:
    atomic { catalog = 0; refs = 0; own = 0; sealed = 0 }
  } STOPPED(client)
}

/* Retiring a snapshot needs no object but the entry: anybody who may does it, at any time. */
#define RETIRE(n)                       \
  :: d_step {                           \
       ROOM && (HEAD.live & B(n)) ->    \
       append();                        \
       HEAD.live = HEAD.live & ~B(n)    \
     }

proctype Operator() {
end:
  do
  RETIRE(0) RETIRE(1) RETIRE(2) RETIRE(3) RETIRE(4)
  od
}

/* Ends epochs: collects, or disposes. */
proctype Ender(byte client) {
  byte catalog, epoch, keep, ends;
begin:
  atomic { down = down & ~B(client); catalog = 0; epoch = 0; keep = 0; ends = 0 };
attempt:
  {
    /* An attempt: an epoch with an id and secrets of its own. Its anchor goes first, and once. */
    d_step {
      next_epoch < EPOCHS && ROOM ->
      catalog = head;
      epoch = next_epoch; next_epoch++;
      number[epoch] = number[SEEN.epoch] + 1
    };
#ifndef ANCHOR_LAST
    atomic { anchors = anchors | B(epoch); MARK(wet_end, B(epoch)) };
    /* Its barrier; and the head is read again, before anything else of the attempt is put. */
#endif
end_plan:
    /* The plan: what is live at this very head survives. Its keys are read here. Read later, they
     * may be missing: then it is as if it had stopped. */
    atomic {
      UNMARK(wet_end, B(epoch));
      /* It is kept over entries that make nothing dead, if anything but its anchor is there. */
#ifdef KEEP_OVER_ALL
#define DEADLY 0
#else
#define DEADLY ((boxes & B(epoch)) && (SEEN.live & ~HEAD.live))
#endif
      if
      :: HEAD.epoch != SEEN.epoch || DEADLY || !ROOM -> goto over
      :: else
      fi;
      catalog = head;
      d_step {
        find_live(catalog);
        keep = live_;
        ends = SEEN.named & ~SEEN.ended & ~keep
      };
      if
      :: ends = ends | (frames & ~SEEN.named & ~SEEN.ended)
      :: true /* unnamed packs are left alone: they may be young */
      fi
    };
#ifdef CONDEMNED_IS_ENOUGH
    atomic { catalog = head; keep = SEEN.named & ~SEEN.ended & ~ends };
#endif
    /* What survives is sealed in the new epoch, and a box made for it. */
    d_step {
      SEAL(epoch, keep);
      boxes = boxes | B(epoch);
#ifdef ANCHOR_LAST
      anchors = anchors | B(epoch);
#endif
      MARK(wet_end, B(epoch));
      check()
    };
    /* One barrier, then the entry: it holds for the head that was planned on, and for no other. */
commit:
    atomic {
      if
      :: head == catalog && ROOM ->
         d_step {
#ifndef END_BEFORE_BARRIER
           UNMARK(wet_end, B(epoch));
#endif
           append();
           HEAD.epoch = epoch;
           HEAD.ended = HEAD.ended | ends;
           check()
         };
#ifdef ABANDON_REMOVES
         if
         :: d_step { boxes = boxes & ~B(epoch); check() } /* no answer came */
         :: true
         fi
#endif
      :: head != catalog && ROOM ->
#ifdef NO_REPLAN
         if
         :: HEAD.epoch == SEEN.epoch -> catalog = head; goto commit
         :: else
         fi;
#endif
         goto end_plan
      :: !ROOM
      fi
    };
over:
    atomic { catalog = 0; epoch = 0; keep = 0; ends = 0 };
    goto attempt
  } STOPPED(client)
}

/* Clean-up after the end of an epoch: piece by piece, by anybody, as of any head ever seen. */
#ifdef CLEAN_GREATER
#define STALE(e) (e != SEEN.epoch)
#else
#ifdef CLEAN_COMMITTED_ONLY
#define STALE(e) (number[e] < number[SEEN.epoch])
#else
#define STALE(e) (e != SEEN.epoch && number[e] <= number[SEEN.epoch])
#endif
#endif
#ifdef REMOVE_UNNAMED
#define DEAD(copies) (((copies) & SEEN.named & ~SEEN.ended) == 0)
#else
#define DEAD(copies) (((copies) & ~SEEN.ended) == 0)
#endif
#define CLEAN(i)                                                                       \
  :: i < next_epoch && STALE(i) && (anchors & B(i)) -> anchors = anchors & ~B(i)       \
  :: i < next_epoch && STALE(i) && (boxes & B(i)) -> boxes = boxes & ~B(i)             \
  :: i < next_epoch && STALE(i) && keys[i] -> keys[i] = 0                              \
  :: (frames & PACK(i)) && DEAD(frames & PACK(i)) ->                                   \
     frames = frames & ~PACK(i);                                                       \
     UNMARK(wet, PACK(i))

proctype Cleaner() {
  byte catalog;
end:
  do
  :: atomic {
       do
       :: catalog < head -> catalog++
       :: break
       od;
#ifndef CLEAN_BEFORE_BARRIER
       BARRIER_OF_JOURNAL(catalog);
#endif
       if
       CLEAN(0) CLEAN(1) CLEAN(2) CLEAN(3)
       :: else ->
          /* Finished, as of that entry: no anchor of an ended epoch, and nothing ended opens. */
          d_step {
            find_opens();
            opened = opens_ & SEEN.ended;
            for (k_ : 0 .. catalog) {
              opened = opened |
                       (journal[k_].epoch != SEEN.epoch && (anchors & B(journal[k_].epoch)))
            };
            assert(opened == 0);
#ifdef DISPOSED_FOR_EVER
            disposed = disposed | SEEN.ended
#endif
          }
       fi;
       catalog = 0;
       d_step { check() }
     }
  od
}

#ifdef LATE
/* A healer, a `key add` or a file synchroniser that puts back late what it has seen: boxes of any
 * epoch, of a lost attempt too, and their key segments. An anchor nobody puts again. */
#ifdef ANCHOR_AGAIN
#define LATE_ANCHOR(e) anchors = anchors | B(e)
#else
#define LATE_ANCHOR(e) skip
#endif
#define PUT_BACK(e)                                                \
  :: d_step {                                                      \
       e < next_epoch && once[e] != 0 && (boxes & B(e)) == 0 ->    \
       boxes = boxes | B(e);                                       \
       keys[e] = once[e];                                          \
       LATE_ANCHOR(e)                                              \
     }
proctype Late() {
end:
  do
  PUT_BACK(0) PUT_BACK(1) PUT_BACK(2) PUT_BACK(3)
  od
}
#endif

/* Restores a live snapshot: the epoch's box, the keys, the packs, each a step. */
proctype Reader() {
  byte catalog, set;
sync:
  atomic {
    catalog = head;
    if
    :: (SEEN.live & 1) -> set = journal[0].references
    :: (SEEN.live & 2) -> set = journal[1].references
    :: (SEEN.live & 4) -> set = journal[2].references
    :: (SEEN.live & 8) -> set = journal[3].references
    :: (SEEN.live & 16) -> set = journal[4].references
    :: SEEN.live == 0 -> goto done
    fi
  };
  if
  :: (boxes & anchors & B(SEEN.epoch))
  :: else -> goto missed
  fi;
  if
  :: (set & ~keys[SEEN.epoch]) == 0
  :: else -> goto missed
  fi;
  if
  :: (set & ~frames) == 0 -> goto done
  :: else
  fi;
missed: /* a loss only if the head has not moved */
  atomic {
    misjudged = (head == catalog);
#ifdef NO_READER_RETRY
    misjudged = 1;
#endif
    assert(misjudged == 0)
  };
  goto sync;
done:
  atomic { catalog = 0; set = 0 }
}

#if POWER > 0
#define ERASE(field) HEAD.field = 0
proctype PowerCut() {
  atomic {
    down = 15;
    do
    :: head > durable ->
       ERASE(references); ERASE(author); ERASE(epoch); ERASE(named); ERASE(ended); ERASE(live);
       head--
    :: break
    od;
    /* Of packs, key segments and boxes, each kind is lost or not. */
    if
    :: frames = frames & ~wet
    :: true
    fi;
    if
    :: boxes = boxes & ~wet_end
    :: true
    fi;
    if
    :: anchors = anchors & ~wet_end
    :: true
    fi;
    if
    :: d_step {
         for (k_ : 0 .. EPOCHS - 1) {
           keys[k_] = (wet_end & B(k_) -> 0 : keys[k_] & ~wet)
         }
       }
    :: true
    fi;
    wet = 0; wet_end = 0;
    /* 3. Committed stays committed. */
    undone = reported >> (head + 1) | (replayed > head);
    assert(undone == 0);
    d_step { check() }
  }
}
#endif

init {
  d_step {
    /* Of what the first pack holds, one copy is live; the snapshot of the other was retired. */
    frames = 3; SEAL(0, 3); boxes = 1; anchors = 1;
    journal[0].named = 3; journal[0].references = 1; journal[0].live = 1
  };
  atomic {
    run Operator();
    run Cleaner();
#ifdef LATE
    run Late();
#endif
#if POWER > 0
    run PowerCut();
#endif
#if READERS > 0
    run Reader();
#endif
    run Ender(2);
#if ENDERS > 1
    run Ender(3);
#endif
    run Writer(0);
#if WRITERS > 1
    run Writer(1)
#endif
  }
}
