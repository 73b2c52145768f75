/* An object that is stored twice: healed from its twin, while a disposal removes both copies.
 * README.md has the properties and the switches.
 */
bool copy[2];
bool is_ended;    /* the head no longer names it */
bool is_finished; /* the clean-up has found nothing left */
byte healers = 2; /* at work */

proctype Cleaner() {
  is_ended = true; /* the entry */
#ifdef LIST_ONCE
  copy[0] = false;
  copy[1] = false;
  /* 2. When it says that nothing is left, nothing is. */
  atomic { assert(!copy[0] && !copy[1]); is_finished = true }
#else
  do
  :: copy[0] -> copy[0] = false
  :: copy[1] -> copy[1] = false
  :: atomic { !copy[0] && !copy[1] -> is_finished = true; break } /* listed again */
  od
#endif
}

/* Heals one copy from the other, if the head names the object. */
proctype Healer(byte i) {
  if
  :: !is_ended ->
     if
     :: !copy[i] && copy[1 - i] ->
        atomic {
          copy[i] = true;
#ifdef DISPOSED_FOR_EVER
          assert(!is_finished)
#endif
        };
#ifndef NO_SECOND_LOOK
        if
        :: is_ended -> copy[i] = false
        :: else
        fi
#endif
     :: else
     fi
  :: else
  fi;
  healers--
}

init {
  if
  :: copy[0] = true
  :: copy[1] = true
  fi;
  run Cleaner();
  run Healer(0);
  run Healer(1);
  /* 2. Once all are done, nothing has come back. */
  atomic { is_finished && healers == 0 -> assert(!copy[0] && !copy[1]) }
}
