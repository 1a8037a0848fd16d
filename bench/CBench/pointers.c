// SPDX-License-Identifier: Apache-2.0
// Packets by pointer between two threads: a ring of mbuf pointers, one pool with a cache for each thread.
#include "CBench.h"
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <string.h>

enum { burst_limit = 256 };

void *CBench_pointer_ring(const char *name, unsigned slots) {
    return rte_ring_create(name, slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

void CBench_pointer_ring_free(void *ring) { rte_ring_free(ring); }

void CBench_pointers_produce(const struct CBench_pointers *pointers, uint64_t packets) {
    struct rte_mbuf *mbufs[burst_limit];
    while (packets > 0) {
        unsigned burst = packets < pointers->burst ? (unsigned)packets : pointers->burst;
        // The pool is empty while the other side has everything in hand.
        while (rte_pktmbuf_alloc_bulk(pointers->pool, mbufs, burst) != 0) __builtin_ia32_pause();
        for (unsigned i = 0; i < burst; i++) {
            memcpy((uint8_t *)mbufs[i]->buf_addr + mbufs[i]->data_off, pointers->packet, pointers->bytes);
            mbufs[i]->data_len = (uint16_t)pointers->bytes;
            mbufs[i]->pkt_len = pointers->bytes;
            mbufs[i]->port = 1;
        }
        unsigned done = 0;
        while (done < burst) {
            unsigned put = rte_ring_sp_enqueue_burst(pointers->ring, (void *const *)mbufs + done, burst - done, 0);
            if (put == 0) __builtin_ia32_pause();
            done += put;
        }
        packets -= burst;
    }
}

unsigned CBench_pointers_consume(const struct CBench_pointers *pointers, uint64_t *sum) {
    struct rte_mbuf *mbufs[burst_limit];
    unsigned count = rte_ring_sc_dequeue_burst(pointers->ring, (void **)mbufs, burst_limit, 0);
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i + 8 < count) __builtin_prefetch(mbufs[i + 8], 0, 3);
        if (i + 4 < count)
            __builtin_prefetch((uint8_t *)mbufs[i + 4]->buf_addr + mbufs[i + 4]->data_off, 1, 3);
        uint64_t *data = (uint64_t *)((uint8_t *)mbufs[i]->buf_addr + mbufs[i]->data_off);
        total += *data + mbufs[i]->data_len;
        *data += 1;
    }
    if (count > 0) rte_mempool_put_bulk(pointers->pool, (void *const *)mbufs, count);
    *sum += total;
    return count;
}
