// SPDX-License-Identifier: Apache-2.0
// What the benchmarks compare with, in plain C: the same work over the same buffers, without a graph. And counters of
// what must not happen in a measured loop.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Allocations and reference counts. Every malloc, calloc, realloc and aligned allocation of a thread is counted.
/// Allocations of the calling thread so far.
uint64_t CBench_allocations(void);
/// Starts to count retains and releases of all threads, or stops; 0: this runtime cannot.
int CBench_count_references(int on);
/// Retains and releases counted so far.
uint64_t CBench_references(void);
/// Retains and releases an object once, by the runtime's own entry points.
void CBench_retain_and_release(void *_Nonnull object);

// IPv4 longest-prefix match as it is commonly built: a word for each /24, and 256 words for each /24 with
// longer prefixes.
struct CBench_dir24 {
    uint32_t *_Nullable table;
    uint32_t *_Nullable groups;
    size_t group_count;
    size_t group_capacity;
};
/// Maps a table with room for `groups` groups, in huge pages where there are any; 0, or -1: no memory.
int CBench_dir24_make(struct CBench_dir24 *_Nonnull dir, size_t groups);
void CBench_dir24_free(struct CBench_dir24 *_Nonnull dir);
/// Adds a host route; 0, or -1: no group is left.
int CBench_dir24_add_host(struct CBench_dir24 *_Nonnull dir, uint32_t address, uint32_t leaf);
/// Looks `count` addresses up.
void CBench_dir24_lookup(const struct CBench_dir24 *_Nonnull dir, const uint32_t *_Nonnull addresses,
                         uint32_t *_Nonnull leaves, size_t count);

// The forwarding path.
struct CBench_interface {
    uint64_t mac;
    uint16_t mtu;
    uint16_t is_up;
    uint32_t padding;
};
struct CBench_adjacency {
    uint64_t head;
    uint64_t tail;
    uint16_t tx_interface;
    uint16_t mtu;
    uint16_t is_rewrite;
    uint16_t padding[5];
};
struct CBench_forward {
    struct CBench_dir24 dir;
    const struct CBench_interface *_Nullable interfaces;
    const struct CBench_adjacency *_Nullable adjacencies;
    uint32_t adjacency_count;
    /// struct rte_mempool
    void *_Nullable pool;
    uint64_t tx_packets[256];
    uint64_t tx_bytes[256];
    uint64_t drops[8];
};
/// Forwards at most 256 packets, from Ethernet header to Ethernet header; what is to be sent is left in place.
///
/// Packets that are dropped are freed, so the number of those that are left is returned.
unsigned CBench_forward_frame(struct CBench_forward *_Nonnull forward, void *_Nonnull *_Nonnull mbufs,
                              unsigned count);
/// Counts and frees what `CBench_forward_frame` left.
void CBench_forward_send(struct CBench_forward *_Nonnull forward, void *_Nonnull *_Nonnull mbufs, unsigned count);

// Handoff by pointer.
struct CBench_pointers {
    /// struct rte_ring, single producer and consumer, and struct rte_mempool, shared by both sides
    void *_Nonnull ring;
    void *_Nonnull pool;
    const void *_Nonnull packet;
    unsigned bytes;
    unsigned burst;
};
/// A ring of pointers for one producer and one consumer; null: no memory.
void *_Nullable CBench_pointer_ring(const char *_Nonnull name, unsigned slots);
void CBench_pointer_ring_free(void *_Nonnull ring);
/// Takes, fills and enqueues `packets` packets.
void CBench_pointers_produce(const struct CBench_pointers *_Nonnull pointers, uint64_t packets);
/// Dequeues a burst, reads and writes the first line of each, frees them; the number, and what was read
/// added to `*sum`.
unsigned CBench_pointers_consume(const struct CBench_pointers *_Nonnull pointers, uint64_t *_Nonnull sum);

// A dispatcher of graph nodes that do nothing.
struct CBench_graph;
/// A graph of `nodes` nodes in a row; the last one ends every packet.
struct CBench_graph *_Nullable CBench_graph_make(unsigned nodes);
void CBench_graph_free(struct CBench_graph *_Nonnull graph);
/// Gives packets to the first node and dispatches until no frame is left.
void CBench_graph_run(struct CBench_graph *_Nonnull graph, void *_Nonnull const *_Nonnull mbufs, unsigned count);
/// Packets that the last node has ended.
uint64_t CBench_graph_ended(const struct CBench_graph *_Nonnull graph);
/// Additions that each need the one before: one core clock each.
uint64_t CBench_core_clocks(uint64_t count);

// The main loop.
struct CBench_wheel;
/// A timing wheel of three times 1,024 slots; null: no memory.
struct CBench_wheel *_Nullable CBench_wheel_make(unsigned capacity);
void CBench_wheel_free(struct CBench_wheel *_Nonnull wheel);
/// Starts a timer; its place, or -1.
int CBench_wheel_start(struct CBench_wheel *_Nonnull wheel, uint32_t handle, uint64_t ticks);
void CBench_wheel_stop(struct CBench_wheel *_Nonnull wheel, int index);
/// Lets the timers up to `time` expire, within one turn of the finest wheel.
void CBench_wheel_expire(struct CBench_wheel *_Nonnull wheel, uint64_t time);
/// The handles that expired, added up.
uint64_t CBench_wheel_expired(const struct CBench_wheel *_Nonnull wheel);

/// Sets a bit of 256 and calls what all set bits stand for.
void CBench_interrupt(uint64_t *_Nonnull words, unsigned node,
                      void (*_Nonnull const *_Nonnull run)(void *_Nonnull), void *_Nonnull argument);
/// A function that adds one to the word that it is given.
void (*_Nonnull CBench_counting(void))(void *_Nonnull);

struct CBench_turn {
    uint64_t loops, heartbeat, epoch_reached, busy;
    const uint64_t *_Nullable epoch_wanted;
    const uint64_t *_Nullable doorbells;
    uint64_t unfinished[8];
    unsigned doorbell_words;
    const uint64_t *_Nullable interrupts;
    const uint64_t *_Nullable generation_published;
    uint64_t generation;
    /// When the next timer expires, and how long a rate is taken over: never, and for ever.
    uint64_t next_timer, rate_start, rate_interval;
    uint64_t idle;
};
/// A turn of a loop in which nothing has come, up to the pause at its end.
void CBench_turn(struct CBench_turn *_Nonnull turn);

struct CBench_mailbox;
/// A ring of 1,024 calls of four words; null: no memory.
struct CBench_mailbox *_Nullable CBench_mailbox_make(void);
void CBench_mailbox_free(struct CBench_mailbox *_Nonnull box);
int CBench_mailbox_put(struct CBench_mailbox *_Nonnull box, const uint64_t *_Nonnull call);
int CBench_mailbox_take(struct CBench_mailbox *_Nonnull box, uint64_t *_Nonnull call);
// An event log's ring, and a lane's counters.
struct CBench_records {
    /// Two words: what is taken, and the records in use less one.
    uint64_t *_Nonnull control;
    uint64_t *_Nonnull position;
    uint64_t *_Nonnull records;
    /// Records that there is room for, less one.
    uint64_t limit;
    /// Bits that the first control word must have.
    uint64_t wanted;
};
/// Writes `count` records of 32 bytes, each marked as torn while it is written.
void CBench_records_write(struct CBench_records *_Nonnull log, uint64_t time, uint64_t fields, unsigned count);
/// Counts packets and bytes of `count` packets for their interfaces, 64 bytes of counters each.
void CBench_counters_add(uint64_t *_Nonnull counters, const uint8_t *_Nonnull interfaces,
                         const uint16_t *_Nonnull lengths, unsigned count);
