// SPDX-License-Identifier: Apache-2.0
// The event log's record and a lane's counters as C would write them.
#include "CBench.h"

void CBench_records_write(struct CBench_records *log, uint64_t time, uint64_t fields, unsigned count) {
    uint64_t *control = log->control, *head = log->position, *records = log->records;
    uint64_t limit = log->limit, wanted = log->wanted;
    for (unsigned i = 0; i < count; i++) {
        if ((__atomic_load_n(&control[0], __ATOMIC_RELAXED) & wanted) != wanted) continue;
        uint64_t position = *head;
        uint64_t mask = __atomic_load_n(&control[1], __ATOMIC_RELAXED) & limit;
        uint64_t *record = records + (position & mask) * 4;
        __atomic_store_n(&record[0], UINT64_MAX, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        __atomic_store_n(&record[1], time + i, __ATOMIC_RELAXED);
        __atomic_store_n(&record[2], fields, __ATOMIC_RELAXED);
        __atomic_store_n(&record[3], i, __ATOMIC_RELAXED);
        __atomic_store_n(&record[0], position + 1, __ATOMIC_RELEASE);
        __atomic_store_n(head, position + 1, __ATOMIC_RELEASE);
    }
}

void CBench_counters_add(uint64_t *restrict counters, const uint8_t *restrict interfaces,
                         const uint16_t *restrict lengths, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t *words = counters + (size_t)interfaces[i] * 8;
        words[0] += 1;
        words[1] += lengths[i];
    }
}
