// SPDX-License-Identifier: Apache-2.0
// A dispatcher with what a graph's has: frames of 256, a queue of those that wait, exits sorted into runs, counters.
#include "CBench.h"
#include <stdlib.h>
#include <string.h>

enum { frame_capacity = 256, frame_limit = 256, node_limit = 16 };

struct call {
    struct CBench_graph *graph;
    void *const *mbufs;
    uint16_t *nexts;
    unsigned count;
};
struct slot {
    void (*run)(const struct call *call);
    uint16_t wiring[4];
    unsigned exits;
    int open_frame;
};
struct frame {
    unsigned count;
    unsigned node;
};
struct CBench_graph {
    struct slot slots[node_limit];
    uint64_t counters[node_limit][4];
    struct frame frames[frame_limit];
    int free[frame_limit];
    unsigned free_count;
    int pending[frame_limit];
    unsigned head, tail;
    uint64_t ended;
    uint16_t nexts[frame_capacity];
    void *packets[frame_limit][frame_capacity];
};

static void run_pass(const struct call *call) {
    for (unsigned i = 0; i < call->count; i++) call->nexts[i] = 0;
}
static void run_end(const struct call *call) { call->graph->ended += call->count; }

struct CBench_graph *CBench_graph_make(unsigned nodes) {
    struct CBench_graph *graph = calloc(1, sizeof(*graph));
    if (!graph || nodes == 0 || nodes > node_limit) return 0;
    for (unsigned i = 0; i < nodes; i++) {
        struct slot *slot = &graph->slots[i];
        slot->run = i + 1 < nodes ? run_pass : run_end;
        slot->exits = i + 1 < nodes ? 1 : 0;
        slot->wiring[0] = (uint16_t)(i + 1);
        slot->open_frame = -1;
    }
    for (unsigned i = 0; i < frame_limit; i++) graph->free[i] = (int)i;
    graph->free_count = frame_limit;
    return graph;
}

void CBench_graph_free(struct CBench_graph *graph) { free(graph); }

static void append(struct CBench_graph *graph, void *const *mbufs, unsigned count, unsigned node) {
    struct slot *slot = &graph->slots[node];
    while (count > 0) {
        if (slot->open_frame < 0) {
            if (graph->free_count == 0) return;
            slot->open_frame = graph->free[--graph->free_count];
            graph->frames[slot->open_frame] = (struct frame){0, node};
            graph->pending[graph->tail++ % frame_limit] = slot->open_frame;
        }
        struct frame *frame = &graph->frames[slot->open_frame];
        unsigned batch = frame_capacity - frame->count;
        if (batch > count) batch = count;
        memcpy(&graph->packets[slot->open_frame][frame->count], mbufs, batch * sizeof(*mbufs));
        frame->count += batch;
        if (frame->count == frame_capacity) slot->open_frame = -1;
        mbufs += batch;
        count -= batch;
    }
}

static void distribute(struct CBench_graph *graph, const struct slot *slot, void *const *mbufs, unsigned count) {
    unsigned start = 0;
    while (start < count) {
        uint16_t next = graph->nexts[start];
        unsigned end = start + 1;
        while (end < count && graph->nexts[end] == next) end++;
        append(graph, mbufs + start, end - start, slot->wiring[next & 3]);
        start = end;
    }
}

void CBench_graph_run(struct CBench_graph *graph, void *const *mbufs, unsigned count) {
    append(graph, mbufs, count, 0);
    while (graph->head != graph->tail) {
        int index = graph->pending[graph->head++ % frame_limit];
        unsigned node = graph->frames[index].node, packets = graph->frames[index].count;
        struct slot *slot = &graph->slots[node];
        if (slot->open_frame == index) slot->open_frame = -1;
        uint64_t start = __builtin_ia32_rdtsc();
        struct call call = {graph, graph->packets[index], graph->nexts, packets};
        slot->run(&call);
        if (slot->exits > 0) distribute(graph, slot, graph->packets[index], packets);
        graph->free[graph->free_count++] = index;
        uint64_t clocks = __builtin_ia32_rdtsc() - start;
        uint64_t *counters = graph->counters[node];
        counters[0]++;
        counters[1] += packets;
        counters[2] += clocks;
        if (clocks > counters[3]) counters[3] = clocks;
    }
}

uint64_t CBench_graph_ended(const struct CBench_graph *graph) { return graph->ended; }
