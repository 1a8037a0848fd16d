/* A handoff ring between two lanes of different workers (Sources/PacketBuffers/HandoffProducer.swift,
 * HandoffConsumer.swift, CDPDK's cw_ring_*), with its doorbell.
 *
 * Producer and consumer may die at any step, some times each; a successor repairs its end and goes
 * on. Packets are numbered 1, 2, 3...; a packet is a cell. A publish without a fence lies in a buffer
 * until process Memory takes it out.
 *
 * Safety: a consumer takes each number at most once and in order (no stale, no duplicate), and never
 * a cell that is not written.
 * Liveness: what is published is taken, or skipped by a successor of the consumer: none is stuck.
 *
 * With one of these defined a step is missing, and safety must fail:
 *   NO_PRODUCER_REPAIR  the successor keeps the reserved cells of its predecessor
 *   PUBLISH_FIRST       cells are published before they are written
 * and with one of these liveness must fail:
 *   NO_FENCE            the doorbell is looked at before the publish can be seen
 *   NO_RING_AT_REPAIR   the successor of a producer does not ring for what was published without
 *   NO_CONSUMER_REPAIR  the successor of a consumer does not take back what was half taken
 */
#define SIZE 2              /* cells */
#ifndef PACKETS
#define PACKETS 4
#endif
#ifndef DEATHS
#define DEATHS 1            /* of each end */
#endif
#define MASK(i) ((i) % SIZE)

byte cell[SIZE];            /* a packet's number; 0: never written */
byte prodHead, prodTail, consHead, consTail;
byte newTail; bit publishing;   /* the store of prodTail has not left the producer's buffer */
bit bell;                   /* the doorbell's bit */
byte number;                /* the last packet written */
byte taken;                 /* the last packet taken */
bit killProducer, killConsumer;
byte producerDeaths, consumerDeaths;
bit done;                   /* the producer has nothing more to write */

active proctype Memory() {
end:
    do
    :: atomic { publishing -> prodTail = newTail; publishing = 0 }
    od
}

active proctype Death() {
end:
    do
    :: atomic { producerDeaths < DEATHS && !done -> producerDeaths++; killProducer = 1 }
    :: atomic { consumerDeaths < DEATHS -> consumerDeaths++; killConsumer = 1 }
    :: break
    od
}

inline ring() {
    /* HandoffProducer.ring */
#ifndef NO_FENCE
    !publishing;
#endif
    if
    :: !bell -> bell = 1
    :: else
    fi
}

proctype Producer(bit isSuccessor) {
    byte i, count, start;
    {
        if
        :: isSuccessor ->
           /* What the dead one's CPU had in its buffer is in memory by now. */
           !publishing;
#ifndef NO_PRODUCER_REPAIR
           prodHead = prodTail;                 /* cw_ring_repair_producer */
#endif
#ifndef NO_RING_AT_REPAIR
           ring()
#endif
        :: else
        fi;
        do
        :: number < PACKETS ->
           /* cw_ring_reserve: one or two cells, as there is room */
           start = prodHead;
           count = SIZE + consTail - start;
           if
           :: count == 0 -> goto next
           :: count > 1 && number + 1 < PACKETS -> count = 2
           :: count > 0 -> count = 1
           fi;
           prodHead = start + count;
#ifdef PUBLISH_FIRST
           prodTail = prodTail + count;
#endif
           i = 0;
           do
           :: i < count ->
              atomic { number++; cell[MASK(start + i)] = number };
              i++
           :: else -> break
           od;
           /* cw_ring_publish */
#ifndef PUBLISH_FIRST
           !publishing;
           newTail = prodTail + count;
           prodHead = newTail;
           publishing = 1;
#endif
           ring();
next:      skip
        :: else -> break
        od;
        done = 1
    } unless { atomic { killProducer && !done -> killProducer = 0; run Producer(1) } }
}

proctype Consumer(bit isSuccessor) {
    byte i, tail, count;
    bit rung;
    {
        if
        :: isSuccessor ->
#ifndef NO_CONSUMER_REPAIR
           tail = prodTail;                     /* cw_ring_repair_consumer */
           consHead = tail;
           consTail = tail
#else
           skip
#endif
        :: else
        fi;
end:
        do
        :: bell ->
           /* HandoffInput.poll: take the word down, then drain */
           atomic { rung = bell; bell = 0 };
           do
           :: tail = prodTail;                  /* cw_ring_look */
              count = tail - consHead;
              if
              :: count == 0 -> break
              :: else
              fi;
              consHead = consHead + count;
              i = 0;
              do
              :: i < count ->
                 d_step {
                     assert(cell[MASK(consTail + i)] > taken);
                     taken = cell[MASK(consTail + i)]
                 };
                 i++
              :: else -> break
              od;
              consTail = consTail + count;      /* cw_ring_consume */
              consHead = consTail
           od
        od
    } unless { atomic { killConsumer -> killConsumer = 0; run Consumer(1) } }
}

init { atomic { run Producer(0); run Consumer(0) } }

/* All that is published has been taken or skipped, and it stays so. */
ltl liveness { <>[] (done && !publishing && consTail == prodTail) }
