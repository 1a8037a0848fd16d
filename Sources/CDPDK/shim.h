// SPDX-License-Identifier: Apache-2.0
// DPDK as Swift sees it: inline calls by thin wrappers, over-aligned records by mirrors with layout asserts.
#pragma once
#define ALLOW_EXPERIMENTAL_API
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_hash_crc.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>
#include <rte_version.h>

// struct rte_mbuf is over-aligned, which Swift does not import. Fields that Causeway gives a meaning of its
// own while a packet is in the graph have that name; DPDK's name stands beside it. None of them is read by a
// driver's transmit path while ol_flags is 0.
struct cw_mbuf {
    void *_Nonnull buf_addr;
    uint64_t buf_iova;
    uint16_t data_off;
    uint16_t refcnt;
    uint16_t nb_segs;
    uint16_t rx_interface;   // port
    uint64_t ol_flags;
    uint32_t adjacency;      // packet_type
    uint32_t pkt_len;
    uint16_t data_len;
    uint16_t tx_interface;   // vlan_tci
    uint32_t flow_hash;      // hash.rss
    uint16_t error;          // hash.fdir.hi, low half
    uint16_t flags;          // hash.fdir.hi, high half
    uint16_t l3_offset;      // vlan_tci_outer
    uint16_t buf_len;
    void *_Nonnull pool;
    struct cw_mbuf *_Nullable next;
    uint64_t tx_offload;
    void *_Nullable shinfo;
    uint16_t priv_size;
    uint16_t timesync;
    uint32_t trace;          // dynfield1[0]
    uint32_t next_hop;       // dynfield1[1]
    uint32_t dynfield[7];
};
_Static_assert(sizeof(struct cw_mbuf) == sizeof(struct rte_mbuf), "size");
#define CW_SAME(ours, theirs) \
    _Static_assert(offsetof(struct cw_mbuf, ours) == offsetof(struct rte_mbuf, theirs), #ours)
CW_SAME(buf_addr, buf_addr);
CW_SAME(data_off, data_off);
CW_SAME(refcnt, refcnt);
CW_SAME(nb_segs, nb_segs);
CW_SAME(rx_interface, port);
CW_SAME(ol_flags, ol_flags);
CW_SAME(adjacency, packet_type);
CW_SAME(pkt_len, pkt_len);
CW_SAME(data_len, data_len);
CW_SAME(tx_interface, vlan_tci);
CW_SAME(flow_hash, hash.rss);
CW_SAME(error, hash.fdir.hi);
CW_SAME(l3_offset, vlan_tci_outer);
CW_SAME(buf_len, buf_len);
CW_SAME(pool, pool);
CW_SAME(next, next);
CW_SAME(tx_offload, tx_offload);
CW_SAME(shinfo, shinfo);
CW_SAME(trace, dynfield1);
#undef CW_SAME

static inline int cw_errno(void) { return rte_errno; }
static inline unsigned cw_lcore_id(void) { return rte_lcore_id(); }
static inline const char *_Nonnull cw_version(void) { return rte_version(); }
/// The level of the x86-64 ABI that this was compiled for.
static inline const char *_Nonnull cw_processor(void) {
#if defined(__AVX512F__) && defined(__AVX512VL__)
    return "v4";
#elif defined(__AVX2__)
    return "v3";
#else
    return "v2";
#endif
}
static inline uint64_t cw_tsc_hz(void) { return rte_get_tsc_hz(); }

_Static_assert(RTE_PKTMBUF_HEADROOM == 128, "Coordination.TraceRecord.frameHeadroom");

// Pools.
static inline void *_Nullable cw_pool_create(const char *_Nonnull name, unsigned buffers, unsigned cache,
                                             uint16_t room, int socket) {
    return rte_pktmbuf_pool_create(name, buffers, cache, 0, room, socket);
}
static inline void *_Nullable cw_pool_lookup(const char *_Nonnull name) { return rte_mempool_lookup(name); }
static inline unsigned cw_pool_available(const void *_Nonnull pool) {
    return rte_mempool_avail_count((const struct rte_mempool *)pool);
}
/// Free buffers that lcores keep to themselves; as of some moment for each.
static inline unsigned cw_pool_cached(const void *_Nonnull pool) {
    const struct rte_mempool *mp = (const struct rte_mempool *)pool;
    unsigned count = 0;
    if (mp->cache_size == 0) return 0;
    for (unsigned lcore = 0; lcore < RTE_MAX_LCORE; lcore++) count += mp->local_cache[lcore].len;
    return count;
}
static inline unsigned cw_pool_size(const void *_Nonnull pool) {
    return ((const struct rte_mempool *)pool)->size;
}
static inline unsigned cw_pool_room(void *_Nonnull pool) {
    return rte_pktmbuf_data_room_size((struct rte_mempool *)pool);
}
static inline unsigned cw_pool_cache_length(const void *_Nonnull pool, unsigned lcore) {
    const struct rte_mempool *p = (const struct rte_mempool *)pool;
    return p->local_cache ? p->local_cache[lcore].len : 0;
}
/// 0, or -1: nothing was taken.
static inline int cw_pool_take(void *_Nonnull pool, struct cw_mbuf *_Nullable *_Nonnull out, unsigned count) {
    return rte_pktmbuf_alloc_bulk((struct rte_mempool *)pool, (struct rte_mbuf **)out, count);
}
/// Gives back unchained, unshared buffers of one pool, as rte_pktmbuf_free would, without looking at each.
static inline void cw_pool_give(void *_Nonnull pool, struct cw_mbuf *_Nonnull const *_Nonnull mbufs,
                                unsigned count) {
    rte_mempool_put_bulk((struct rte_mempool *)pool, (void *const *)mbufs, count);
}
static inline void cw_mbuf_free(struct cw_mbuf *_Nonnull mbuf) {
    rte_pktmbuf_free((struct rte_mbuf *)mbuf);
}
// After the death of a process that shared the pool nothing of its state is believed: the ring that holds the free
// buffers is emptied (its head and tail may be torn), per-lcore caches are forgotten.
static inline void cw_pool_forget_all(void *_Nonnull pool) {
    struct rte_mempool *p = (struct rte_mempool *)pool;
    rte_ring_reset((struct rte_ring *)p->pool_data);
    for (unsigned i = 0; p->local_cache && i < RTE_MAX_LCORE; i++) p->local_cache[i].len = 0;
}
typedef void (*cw_object_visitor)(struct rte_mempool *_Nonnull pool, void *_Nullable context,
                                  void *_Nonnull object, unsigned index);
static inline unsigned cw_pool_visit(void *_Nonnull pool, cw_object_visitor _Nonnull visitor,
                                     void *_Nullable context) {
    return rte_mempool_obj_iter((struct rte_mempool *)pool, visitor, context);
}
static inline void cw_mbuf_init(void *_Nonnull pool, void *_Nonnull object, unsigned index) {
    rte_pktmbuf_init((struct rte_mempool *)pool, 0, object, index);
}
static inline void cw_pool_give_uncached(void *_Nonnull pool, void *_Nonnull object) {
    rte_mempool_generic_put((struct rte_mempool *)pool, &object, 1, 0);
}
/// Gives what this lcore's cache holds back to the pool.
static inline void cw_pool_flush_cache(void *_Nonnull pool) {
    struct rte_mempool *p = (struct rte_mempool *)pool;
    rte_mempool_cache_flush(rte_mempool_default_cache(p, rte_lcore_id()), p);
}

// Ethernet devices.
static inline uint16_t cw_rx_burst(uint16_t port, uint16_t queue, struct cw_mbuf *_Nullable *_Nonnull mbufs,
                                   uint16_t count) {
    return rte_eth_rx_burst(port, queue, (struct rte_mbuf **)mbufs, count);
}
static inline uint16_t cw_tx_burst(uint16_t port, uint16_t queue,
                                   struct cw_mbuf *_Nonnull *_Nonnull mbufs, uint16_t count) {
    return rte_eth_tx_burst(port, queue, (struct rte_mbuf **)mbufs, count);
}
static inline int cw_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, int socket,
                                    const struct rte_eth_rxconf *_Nonnull configuration,
                                    void *_Nonnull pool) {
    return rte_eth_rx_queue_setup(port, queue, descriptors, (unsigned)socket, configuration,
                                  (struct rte_mempool *)pool);
}

/// Packets that wait in a receive queue; negative: the driver does not say.
static inline int cw_rx_waiting(uint16_t port, uint16_t queue) { return rte_eth_rx_queue_count(port, queue); }

// Rings of 64-byte cells with one producer and one consumer, in memory of our own.
_Static_assert(sizeof(struct rte_ring) == 384, "Coordination.HandoffLayout.ringHeaderBytes");
struct cw_cells {
    void *_Nullable first;
    void *_Nullable second;
    unsigned first_count;
    unsigned count;
};
static inline int cw_ring_init(void *_Nonnull ring, const char *_Nonnull name, unsigned cells) {
    return rte_ring_init((struct rte_ring *)ring, name, cells, RING_F_SP_ENQ | RING_F_SC_DEQ);
}
static inline unsigned cw_ring_size(const void *_Nonnull ring) {
    return rte_ring_get_size((const struct rte_ring *)ring);
}
static inline unsigned cw_ring_used(const void *_Nonnull ring) {
    return rte_ring_count((const struct rte_ring *)ring);
}
static inline unsigned cw_ring_free(const void *_Nonnull ring) {
    return rte_ring_free_count((const struct rte_ring *)ring);
}
static inline struct cw_cells cw_ring_reserve(void *_Nonnull ring, unsigned count) {
    struct rte_ring_zc_data data = {0};
    unsigned got = rte_ring_enqueue_zc_burst_elem_start((struct rte_ring *)ring, 64, count, &data, 0);
    struct cw_cells cells = {data.ptr1, data.ptr2, data.n1, got};
    return cells;
}
static inline void cw_ring_publish(void *_Nonnull ring, unsigned count) {
    rte_ring_enqueue_zc_elem_finish((struct rte_ring *)ring, count);
}
static inline struct cw_cells cw_ring_look(void *_Nonnull ring, unsigned count) {
    struct rte_ring_zc_data data = {0};
    unsigned got = rte_ring_dequeue_zc_burst_elem_start((struct rte_ring *)ring, 64, count, &data, 0);
    struct cw_cells cells = {data.ptr1, data.ptr2, data.n1, got};
    return cells;
}
static inline void cw_ring_consume(void *_Nonnull ring, unsigned count) {
    rte_ring_dequeue_zc_elem_finish((struct rte_ring *)ring, count);
}
/// A restarted producer forgets what its dead predecessor reserved and did not publish.
static inline void cw_ring_repair_producer(void *_Nonnull ring) {
    struct rte_ring *r = (struct rte_ring *)ring;
    r->prod.head = r->prod.tail;
}
/// A restarted consumer forgets what its dead predecessor looked at and did not finish: it is read again.
static inline void cw_ring_repair_consumer(void *_Nonnull ring) {
    struct rte_ring *r = (struct rte_ring *)ring;
    r->cons.head = r->cons.tail;
}
/// The same, and skips all that is published.
static inline unsigned cw_ring_skip_published(void *_Nonnull ring) {
    struct rte_ring *r = (struct rte_ring *)ring;
    uint32_t tail = __atomic_load_n(&r->prod.tail, __ATOMIC_ACQUIRE);
    unsigned skipped = tail - r->cons.tail;
    r->cons.head = tail;
    __atomic_store_n(&r->cons.tail, tail, __ATOMIC_RELEASE);
    return skipped;
}

// Lanes.
static inline int cw_launch(int (*_Nonnull body)(void *_Nullable), void *_Nullable argument, unsigned lcore) {
    return rte_eal_remote_launch(body, argument, lcore);
}
static inline int cw_wait(unsigned lcore) { return rte_eal_wait_lcore(lcore); }

/// CRC-32C of eight bytes, by the SSE4.2 instruction.
static inline uint32_t cw_crc32c(uint64_t key, uint32_t seed) { return rte_hash_crc_8byte(key, seed); }

static inline void cw_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0, 3); }
/// Asks for a line to write it, so that it need not be asked from its last reader while the store waits. By name,
/// because compilers turn __builtin_prefetch for writing into one for reading below x86-64-v4.
static inline void cw_prefetch_write(const void *_Nonnull address) {
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
}
static inline uint64_t cw_timestamp(void) { return __builtin_ia32_rdtsc(); }

// Rings of buffer pointers between two lanes of one process, one producer and one consumer.
static inline size_t cw_pointer_ring_bytes(unsigned count) { return (size_t)rte_ring_get_memsize(count); }
static inline int cw_pointer_ring_init(void *_Nonnull ring, const char *_Nonnull name, unsigned count) {
    return rte_ring_init((struct rte_ring *)ring, name, count, RING_F_SP_ENQ | RING_F_SC_DEQ);
}
static inline unsigned cw_pointer_ring_put(void *_Nonnull ring, struct cw_mbuf *_Nonnull const *_Nonnull mbufs,
                                           unsigned count) {
    return rte_ring_sp_enqueue_burst((struct rte_ring *)ring, (void *const *)mbufs, count, 0);
}
static inline unsigned cw_pointer_ring_take(void *_Nonnull ring,
                                            struct cw_mbuf *_Nullable *_Nonnull mbufs, unsigned count) {
    return rte_ring_sc_dequeue_burst((struct rte_ring *)ring, (void **)mbufs, count, 0);
}

// Start.
static inline void cw_log_level(uint32_t level) { rte_log_set_global_level(level); }
static inline int cw_port_by_name(const char *_Nonnull name, uint16_t *_Nonnull port) {
    return rte_eth_dev_get_port_by_name(name, port);
}
static inline uint64_t cw_fetch_or64(uint64_t *_Nonnull p, uint64_t v) {
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
}
static inline uint64_t cw_exchange64(uint64_t *_Nonnull p, uint64_t v) {
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
static inline uint64_t cw_load_relaxed64(const uint64_t *_Nonnull p) {
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline uint64_t cw_load_acquire64(const uint64_t *_Nonnull p) {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void cw_store_release64(uint64_t *_Nonnull p, uint64_t v) {
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline void cw_full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
