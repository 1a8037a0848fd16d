/* A node's queues go from one worker to the next: by a planned restart, or after a death
 * (Sources/Supervision/Supervisor+Restart.swift, +Recovery, +TakeOver; Sources/NodeRuntime/Worker+Handover.swift,
 * Forwarder+Handover; Sources/Coordination/HandoverRecord.swift).
 *
 * A node has two workers: one forwards, the other is its warm spare. A supervisor begins a planned
 * restart. Workers and supervisors may die at any step, DEATHS of them; another supervisor follows a
 * dead one. Any wait may end too early (LATES of them), as if the other had only been slow.
 * docs/models/README.md says which code each step is.
 *
 * Safety: never two lanes take packets from the queues; the keeper makes the pool anew only while none
 * does; no packet is forwarded twice.
 * Liveness: in the end somebody forwards, again and again; and where nobody died and nobody was late,
 * every packet is forwarded, those that were held for a neighbour included.
 *
 * With one of these defined a step is missing, and safety must fail:
 *   NO_WAIT       the successor does not wait until the predecessor has handed over
 *   NO_ABANDON    a restart that failed is forgotten, though a worker may still take part in it
 *   DEAD_ANSWER   a predecessor that dies when it has handed over counts as one that has not
 *   STATE_FIRST   a new supervisor asks for a worker's state before it has dropped what the dead one sent
 * and with one of these liveness must fail:
 *   NO_REST       the predecessor's lanes end with a packet in their hands
 *   NO_RECORD     packets that are held for a neighbour are not handed over
 *   NO_RECOVERY   a new supervisor does not look whether somebody forwards
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LATES
#define LATES 1             /* waits that end too early */
#endif
#ifndef PACKETS
#define PACKETS 2
#endif
#define NONE 2              /* no worker */

mtype = { ready, forwarding, draining };
mtype = { open, begun, handed, taken, abandoned };
mtype = { nothing, done, refused };

mtype state[2];             /* ProcessState of a worker */
mtype stage;                /* HandoverRecord.Stage */
bit goes[2], stop[2];        /* a lane is to take turns; it is to end */
bit kill[2];                /* SIGKILL */
byte gone[2];               /* parts of a worker that have ended; both: its pidfd can be read */
#define dead(w) (gone[w] == 2)
byte life;                  /* of the supervisor */
/* What a supervisor has sent and the worker has not read: the life that sent it, or 0. */
byte askHandOver[2], askTakeOver[2], askForward[2], askDrain[2], askState[2];
mtype answer[2];            /* the answer to the last request of this life */
mtype told[2];              /* the state that a new supervisor was told */

byte arrived, next;         /* packets that have come into the queue, and that were taken out */
byte inHand[2], held[2];    /* a packet's number, or 0 */
byte recordHeld;            /* in the record */
bit out[PACKETS + 1];       /* forwarded */
byte polling;               /* lanes that are at the queue */
bit atQueue[2];
bit turns;                  /* a lane takes a turn: it changes for ever if somebody forwards */
bit killSupervisor;
byte deaths, lates;
bit disturbed;              /* somebody died, or was killed for being late */

inline forget(w) {
    d_step { askHandOver[w] = 0; askTakeOver[w] = 0; askForward[w] = 0; askDrain[w] = 0 }
}

inline put(number) { d_step { assert(!out[number]); out[number] = 1 } }

/* A polling lane: LaneLoop.run. */
proctype Lane(byte w) {
    {
end:    do
        :: goes[w] && !stop[w] ->
           d_step { polling++; atQueue[w] = 1; assert(polling == 1) };
           if
           :: atomic { arrived > next -> next++; inHand[w] = next }
           :: else
           fi;
           d_step { polling--; atQueue[w] = 0; turns = 1 - turns };
           if
#ifdef NO_REST
           :: stop[w]
#endif
           :: inHand[w] == 1 && !held[w] -> d_step { held[w] = 1; inHand[w] = 0 }  /* its neighbour is unknown */
           :: inHand[w] > 1 -> d_step { put(inHand[w]); inHand[w] = 0 }
           :: !inHand[w] && held[w] && next == PACKETS -> d_step { put(held[w]); held[w] = 0 }   /* now it is known */
           :: !inHand[w] && !(held[w] && next == PACKETS)
           fi
        :: goes[w] && stop[w] -> d_step { goes[w] = 0; stop[w] = 0 }
        od
    } unless { atomic { kill[w] -> polling = polling - atQueue[w]; atQueue[w] = 0; goes[w] = 0; gone[w]++ } }
}

/* An answer to a supervisor that is dead reaches nobody. */
inline reply(w, what) { d_step { if :: from == life -> answer[w] = what :: else fi } }

/* A worker's control lane: it reads what was sent to it, and does one thing after the other. */
proctype Control(byte w) {
    byte from;
    {
end:    do
        :: askState[w] ->                                   /* Worker.describe */
           forget(w);
           d_step { from = askState[w]; askState[w] = 0; if :: from == life -> told[w] = state[w]; answer[w] = done :: else fi }
        :: askHandOver[w] ->                                /* Worker.handOver */
           d_step { from = askHandOver[w]; askHandOver[w] = 0 };
           if
#ifndef NO_ABANDON
           :: atomic { state[w] == forwarding && stage == open -> stage = begun };  /* HandoverRecord.begin */
#else
           :: state[w] == forwarding ->
#endif
              stop[w] = 1;                                  /* Forwarder.order */
              !goes[w];
#ifndef NO_RECORD
              recordHeld = held[w];                         /* HeldPackets.leave */
#endif
              stage = handed;                               /* HandoverRecord.enter */
              state[w] = draining;
              reply(w, done)
           :: else -> reply(w, refused)
           fi
        :: askTakeOver[w] ->                                /* Worker.takeOver */
           d_step { from = askTakeOver[w]; askTakeOver[w] = 0 };
#ifndef NO_WAIT
           if                                               /* HandoverRecord.waitUntilHanded */
           :: stage == handed
           :: stage == abandoned
           :: atomic { stage == open || stage == begun -> disturbed = 1 }   /* 3 s are over */
           fi;
#endif
           if
#ifdef NO_WAIT
           :: stage != abandoned ->
#else
           :: stage == handed ->
#endif
              held[w] = recordHeld;                         /* HeldPackets.adopt */
              goes[w] = 1;                                   /* Forwarder.startLanes */
              stage = taken;
              state[w] = forwarding;
              reply(w, done)
           :: else -> reply(w, refused)
           fi
        :: askForward[w] ->                                 /* Worker.forward */
           d_step { from = askForward[w]; askForward[w] = 0 };
           if
           :: state[w] == ready -> goes[w] = 1; state[w] = forwarding; reply(w, done)
           :: else -> reply(w, refused)
           fi
        :: askDrain[w] -> kill[w] = 1                       /* it ends; its lanes have ended before */
        od
    } unless { atomic { kill[w] -> gone[w]++ } }
}

active proctype Source() {
    do
    :: arrived < PACKETS -> arrived++
    :: else -> break
    od
}

active proctype Death() {
end:
    do
    :: atomic { deaths < DEATHS && !dead(0) -> deaths++; disturbed = 1; kill[0] = 1 }
    :: atomic { deaths < DEATHS && !dead(1) -> deaths++; disturbed = 1; kill[1] = 1 }
    :: atomic { deaths < DEATHS -> deaths++; disturbed = 1; killSupervisor = 1 }
    :: break
    od
}

/* A process is ended, and one goes on when it has ended. */
inline endWorker(w) {
    if
    :: !dead(w) -> d_step { disturbed = 1; kill[w] = 1 }; dead(w)
    :: else
    fi
}

/* A request is answered, its worker ends, or the wait is over. */
inline await(w, result) {
    if
    :: atomic { answer[w] != nothing -> result = answer[w] }
    :: atomic { answer[w] == nothing && dead(w) -> result = refused }
    :: atomic { answer[w] == nothing && lates < LATES -> lates++; disturbed = 1; result = nothing }
    fi
}

/* Supervisor.recover: the worker is dead; `spare` is ready, or NONE. */
inline recover() {
    if
    :: spare != NONE && dead(spare) -> spare = NONE
    :: else
    fi;
    /* The keeper stops the ports and makes every buffer free. */
    d_step {
        assert(!(goes[0] || goes[1]));
        recordHeld = 0
    };
    if
    :: spare != NONE ->                                     /* spareTakesOver */
       worker = spare;
       spare = NONE
    :: else ->                                              /* startWorker: another life */
       if
       :: dead(0) -> worker = 0
       :: else -> worker = 1
       fi;
       atomic {
           assert(dead(worker));
           forget(worker);
           kill[worker] = 0; gone[worker] = 0; goes[worker] = 0; stop[worker] = 0;
           inHand[worker] = 0; held[worker] = 0; askState[worker] = 0;
           state[worker] = ready;
           run Lane(worker); run Control(worker)
       }
    fi;
    answer[worker] = nothing;
    askForward[worker] = life;
    await(worker, result);
    if
    :: result == done
    :: else -> endWorker(worker); worker = NONE         /* and again */
    fi
}

/* Supervisor.handOver and settleFailedRestart. */
inline restart() {
    stage = open;
    d_step { answer[0] = nothing; answer[1] = nothing };
    if                                                      /* two tasks: either may be first */
    :: askHandOver[0] = life; askTakeOver[1] = life
    :: askTakeOver[1] = life; askHandOver[0] = life
    fi;
    do                                                      /* the answer of the successor */
    :: answer[1] == nothing && dead(0) && stage != handed && stage != taken ->
       /* workerEnded: the record is given up, so that the successor does not wait for it. */
       atomic { if :: stage == open || stage == begun -> stage = abandoned :: else fi };
       await(1, result);
       break
    :: answer[1] != nothing || dead(1) -> await(1, result); break
    :: atomic { answer[1] == nothing && lates < LATES -> lates++; disturbed = 1; result = nothing }; break
    od;
#ifdef DEAD_ANSWER
    if
    :: result == done && answer[0] != done && dead(0) -> result = refused
    :: else
    fi;
#endif
    if
    :: result == done ->                                    /* become */
       worker = 1; spare = NONE;
       askDrain[0] = life;
       dead(0)
    :: else ->
#ifdef NO_ABANDON
       isMine = (state[0] == forwarding);
#else
       /* HandoverRecord.abandon: false if the predecessor has begun. */
       atomic { isMine = (stage == open || stage == abandoned); if :: stage == open -> stage = abandoned :: else fi };
#endif
       if
       :: isMine && !dead(0) && state[0] == forwarding ->
          /* It goes on; the successor waits again, or is replaced. */
          if
          :: state[1] == ready && !dead(1)
          :: else -> endWorker(1); spare = NONE
          fi
       :: else ->
#ifdef DEAD_ANSWER
          skip;
#else
          if
          :: isMine && state[1] == ready && !dead(1)
          :: else -> endWorker(1); spare = NONE
          fi;
#endif
          endWorker(0);
          worker = NONE                                     /* which is dealt with below */
       fi
    fi
}

/* Supervisor.findSurvivors, takeOver: what a dead one left. */
inline meet(w) {
    if
    :: dead(w) -> told[w] = draining
    :: else ->
       answer[w] = nothing;
#ifdef STATE_FIRST
       seen = state[w];
#endif
       askState[w] = life;
       await(w, result);
#ifdef STATE_FIRST
       told[w] = seen;
#endif
       if
       :: result == done && told[w] != draining
       :: else -> endWorker(w); told[w] = draining
       fi
    fi
}

inline inherit() {
    meet(0);
    meet(1);
    worker = NONE; spare = NONE;
    assert(!(told[0] == forwarding && told[1] == forwarding));
    if
    :: told[0] == forwarding -> worker = 0
    :: told[1] == forwarding -> worker = 1
    :: else
    fi;
    if
    :: told[0] == ready -> spare = 0
    :: told[1] == ready -> spare = 1
    :: else
    fi;
    if
    :: told[0] == ready && told[1] == ready -> endWorker(1)
    :: else
    fi
}

proctype Supervisor(bit isSuccessor) {
    byte worker = 0, spare = 1;
    mtype result, seen;
    bit isMine;
    {
        if
        :: isSuccessor -> inherit()
        :: else -> restart()
        fi;
        /* From now on it waits for deaths. */
end:    do
#ifdef NO_RECOVERY
        :: worker != NONE && dead(worker) ->
#else
        :: worker == NONE || dead(worker) ->
#endif
           worker = NONE; recover()
        od
    } unless { atomic { killSupervisor -> killSupervisor = 0; life++; run Supervisor(1) } }
}

init {
    atomic {
        state[0] = forwarding; state[1] = ready; goes[0] = 1; stage = taken; life = 1;
        run Lane(0); run Control(0); run Lane(1); run Control(1); run Supervisor(0)
    }
}

ltl liveness { ([]<> turns) && ([]<> !turns) && (<> (disturbed || (out[1] && out[PACKETS]))) }
