/* The barrier between a coordinator and the lanes of two workers (Sources/Coordination/Barrier).
 *
 * Lanes and coordinators may die at any step. Time is a counter that lanes and coordinators read; a
 * store that the code makes without a fence lies in a buffer until a memory process takes it out, as
 * on x86 and weaker machines. docs/models/README.md says which code each step is.
 *
 * Safety: while a coordinator holds the barrier, its lease not over, no lane forwards.
 * Liveness: every lane that lives forwards again and again; every coordinator comes to an end.
 *
 * With one of these defined a step is missing, and safety must fail:
 *   NO_SLEEP_FENCE  a lane that wakes looks at the epoch before its "awake" can be seen
 *   NO_RENEW_FENCE  the coordinator believes in a new lease before lanes can see it
 *   LEASE_FIRST     a lane reads the lease before the counter
 *   NO_CHECK        the coordinator does not look whether lanes have opened the barrier meanwhile
 * and with this one liveness must fail:
 *   NO_LEASE        lanes wait for the coordinator for ever
 */
#ifndef LANES
#define LANES 2             /* 1 or 2 */
#endif
#define LEASE 3
#ifndef END
#define END 6               /* the clock stops; every lease ends before */
#endif
#ifndef LIVES
#define LIVES 1             /* coordinators, one after the other */
#endif

byte now;                   /* the time-stamp counter */
byte wanted[LANES];         /* Word.epochWanted */
byte lease[LANES];          /* Word.barrierLease */
byte reached[LANES];        /* LaneBlock.Word.epochReached */
bit asleep[LANES];          /* LaneBlock.Word.asleep */
bit waking[LANES];          /* the store asleep = 0 has not left the lane's buffer */
bit renewing;               /* the store of `renewed` has not left the coordinator's */
byte renewed;
bit dead[LANES];            /* the pidfd can be read */
bit forwards[LANES];        /* a packet is in the lane's hands */
bit killLane[LANES], killCoordinator;
bit held;                   /* the coordinator believes that the barrier is closed, */
byte limit;                 /* up to here */
byte ended;                 /* coordinators that have come to an end */

proctype Lane(byte i) {
    byte e, t, l;
    {
        do
        :: e = wanted[i];                               /* LaneBarrier.isCalled */
           if
           :: e != reached[i] ->                        /* LaneBarrier.stand */
              do
              :: e = wanted[i];
                 reached[i] = e;
                 if
                 :: e % 2 == 0 -> break
                 :: else ->
#ifdef LEASE_FIRST
                    l = lease[i];
                    t = now;
#else
                    t = now;
                    l = lease[i];
#endif
#ifndef NO_LEASE
                    if
                    :: t > l -> atomic { if :: wanted[i] == e -> wanted[i] = e + 1 :: else fi }
                    :: else
                    fi
#endif
                 fi
              od
           :: else
           fi;
           forwards[i] = 1;
           forwards[i] = 0;
           if
           :: skip
           :: asleep[i] = 1;                            /* LaneLoop.sleep */
              waking[i] = 1;
#ifndef NO_SLEEP_FENCE
              !waking[i]
#endif
           fi
        od
    } unless { killLane[i] -> atomic { dead[i] = 1; forwards[i] = 0 } }
}

/* A store leaves its buffer some time: a process each, so that none waits for ever behind others. */
proctype LaneMemory(byte i) {
end:
    do
    :: atomic { waking[i] -> asleep[i] = 0; waking[i] = 0 }
    od
}

active proctype CoordinatorMemory() {
end:
    do
    :: atomic {
        renewing -> lease[0] = renewed;
#if LANES > 1
        lease[1] = renewed;
#endif
        renewing = 0
    }
    od
}

active proctype Clock() {
    do
    :: now < END -> now++
    :: else -> break
    od
}

/* One lane and one coordinator at most die, each at any time or not at all. */
active proctype Death() {
    if
    :: killLane[0] = 1
    :: skip
    fi
}

active proctype CoordinatorDeath() {
    if
    :: killCoordinator = 1
    :: skip
    fi
}

proctype Coordinator(byte life) {
    byte epoch[LANES];
    byte mine, old;
    {
        /* What a dead one's CPU had in its buffer is in memory by the time that it has a successor. */
        !renewing;
        /* BarrierMember.close, worker after worker. */
        if
        :: atomic { now + LEASE < END -> mine = now + LEASE }
        :: else -> goto over
        fi;
        lease[0] = mine;
        atomic { epoch[0] = wanted[0] + 1 + wanted[0] % 2; wanted[0] = epoch[0] };
#if LANES > 1
        lease[1] = mine;
        atomic { epoch[1] = wanted[1] + 1 + wanted[1] % 2; wanted[1] = epoch[1] };
#endif
        /* Barrier.waitForLanes: until each has stopped, sleeps or is dead, or the time is over. */
        if
        :: reached[0] >= epoch[0]
        :: asleep[0]
        :: dead[0]
        :: now >= mine -> goto open
        fi;
#if LANES > 1
        if
        :: reached[1] >= epoch[1]
        :: asleep[1]
        :: dead[1]
        :: now >= mine -> goto open
        fi;
#endif
        /* ClosedBarrier.done: lanes may have opened it meanwhile. */
#ifndef NO_CHECK
        if
        :: now < mine -> skip
        :: else -> goto open
        fi;
#endif
        atomic {
            held = 1;
            limit = mine;
#ifdef NO_CHECK
            limit = END + 1
#endif
        };
        /* ClosedBarrier.renew, or not. */
        if
        :: atomic { now + LEASE < END -> old = mine; mine = now + LEASE };
           if
           :: now < old ->
              atomic { renewed = mine; renewing = 1 };
#ifndef NO_RENEW_FENCE
              !renewing;
              if
              :: now < old -> limit = mine
              :: else
              fi
#else
              limit = mine
#endif
           :: else
           fi
        :: skip
        fi;
        held = 0;
        /* BarrierMember.open. */
open:
        atomic { if :: wanted[0] == epoch[0] -> wanted[0] = epoch[0] + 1 :: else fi };
#if LANES > 1
        atomic { if :: wanted[1] == epoch[1] -> wanted[1] = epoch[1] + 1 :: else fi };
#endif
over:   skip
    } unless { killCoordinator -> atomic { killCoordinator = 0; held = 0 } };
    atomic {
        ended++;
        if
        :: life < LIVES -> run Coordinator(life + 1)
        :: else
        fi
    }
}

#if LANES > 1
init { atomic { run Lane(0); run LaneMemory(0); run Lane(1); run LaneMemory(1); run Coordinator(1) } }
#define others_go_on (([]<> (forwards[1] || dead[1])))
#define unsafe (held && now < limit && (forwards[0] || forwards[1]))
#else
init { atomic { run Lane(0); run LaneMemory(0); run Coordinator(1) } }
#define others_go_on true
#define unsafe (held && now < limit && forwards[0])
#endif

ltl safety { [] !unsafe }
ltl liveness { ([]<> (forwards[0] || dead[0])) && others_go_on && (<> (ended == LIVES)) }
