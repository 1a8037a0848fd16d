// SPDX-License-Identifier: Apache-2.0
// The event log's record and a lane's counters as C would write them.
#include "CBench.h"

void CBench_records_write(struct CBench_records *log, uint64_t time, uint64_t fields, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t control = __atomic_load_n(&log->control[0], __ATOMIC_RELAXED);
        if ((control & log->wanted) != log->wanted) continue;
        uint64_t position = *log->position;
        uint64_t mask = __atomic_load_n(&log->control[1], __ATOMIC_RELAXED) & log->limit;
        uint64_t *record = log->records + (position & mask) * 4;
        __atomic_store_n(&record[0], UINT64_MAX, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        __atomic_store_n(&record[1], time + i, __ATOMIC_RELAXED);
        __atomic_store_n(&record[2], fields, __ATOMIC_RELAXED);
        __atomic_store_n(&record[3], i, __ATOMIC_RELAXED);
        __atomic_store_n(&record[0], position + 1, __ATOMIC_RELEASE);
        __atomic_store_n(log->position, position + 1, __ATOMIC_RELEASE);
    }
}

void CBench_counters_add(uint64_t *counters, const uint8_t *interfaces, const uint16_t *lengths, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t *words = counters + (size_t)interfaces[i] * 8;
        words[0] += 1;
        words[1] += lengths[i];
    }
}
