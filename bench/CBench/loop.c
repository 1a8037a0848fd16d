// SPDX-License-Identifier: Apache-2.0
// What a main loop is made of, in plain C: a timing wheel, an interrupt's bit, a look at doorbells, a mailbox.
#include "CBench.h"
#include <stdlib.h>
#include <string.h>

enum { slots = 1024, wheels = 3, lists = wheels * slots + 1 };

struct timer {
    uint64_t expiry;
    int32_t next, previous, list;
    uint32_t handle;
};
struct CBench_wheel {
    uint64_t now;
    int32_t free;
    uint64_t expired;
    uint64_t bitmap[wheels * slots / 64];
    struct timer timers[];
};

struct CBench_wheel *CBench_wheel_make(unsigned capacity) {
    struct CBench_wheel *wheel = calloc(1, sizeof(*wheel) + (lists + capacity) * sizeof(struct timer));
    if (!wheel) return 0;
    for (int i = 0; i < lists; i++) wheel->timers[i].next = wheel->timers[i].previous = i;
    for (unsigned i = 0; i < capacity; i++)
        wheel->timers[lists + i].next = i + 1 < capacity ? (int32_t)(lists + i + 1) : -1;
    wheel->free = lists;
    return wheel;
}
void CBench_wheel_free(struct CBench_wheel *wheel) { free(wheel); }
uint64_t CBench_wheel_expired(const struct CBench_wheel *wheel) { return wheel->expired; }

static void insert(struct CBench_wheel *wheel, int32_t index) {
    struct timer *timer = &wheel->timers[index];
    uint64_t distance = timer->expiry - wheel->now;
    int32_t list = wheels * slots;
    if (distance < 1u << 10) list = timer->expiry & 1023;
    else if (distance < 1u << 20) list = slots + (timer->expiry >> 10 & 1023);
    else if (distance < 1u << 30) list = 2 * slots + (timer->expiry >> 20 & 1023);
    struct timer *head = &wheel->timers[list];
    timer->list = list;
    timer->next = list;
    timer->previous = head->previous;
    wheel->timers[head->previous].next = index;
    head->previous = index;
    if (list < wheels * slots) wheel->bitmap[list / 64] |= 1ull << list % 64;
}

static void drop(struct CBench_wheel *wheel, int32_t index) {
    struct timer *timer = &wheel->timers[index];
    wheel->timers[timer->previous].next = timer->next;
    wheel->timers[timer->next].previous = timer->previous;
    int32_t list = timer->list;
    if (wheel->timers[list].next == list && list < wheels * slots)
        wheel->bitmap[list / 64] &= ~(1ull << list % 64);
    timer->list = -1;
}

int CBench_wheel_start(struct CBench_wheel *wheel, uint32_t handle, uint64_t ticks) {
    int32_t index = wheel->free;
    if (index < 0 || !ticks) return -1;
    wheel->free = wheel->timers[index].next;
    wheel->timers[index].handle = handle;
    wheel->timers[index].expiry = wheel->now + ticks;
    insert(wheel, index);
    return index;
}

void CBench_wheel_stop(struct CBench_wheel *wheel, int index) {
    drop(wheel, index);
    wheel->timers[index].next = wheel->free;
    wheel->free = index;
}

/// Within one turn of the finest wheel, which is as far as the benchmark goes.
void CBench_wheel_expire(struct CBench_wheel *wheel, uint64_t time) {
    while (wheel->now < time) {
        uint64_t position = (wheel->now & 1023) + 1;
        unsigned word = (unsigned)(position / 64);
        uint64_t bits = position < 1024 ? wheel->bitmap[word] & ~0ull << position % 64 : 0;
        while (!bits && ++word < 16) bits = wheel->bitmap[word];
        uint64_t slot = word * 64 + (bits ? (unsigned)__builtin_ctzll(bits) : 0);
        uint64_t next = bits ? (wheel->now & ~1023ull) + slot : (wheel->now | 1023) + 1;
        if (next > time) next = time;
        wheel->now = next;
        int32_t list = next & 1023;
        while (wheel->timers[list].next != list) {
            int32_t index = wheel->timers[list].next;
            wheel->expired += wheel->timers[index].handle;
            CBench_wheel_stop(wheel, index);
        }
    }
}

void CBench_interrupt(uint64_t *words, unsigned node, void (*const *run)(void *), void *argument) {
    __atomic_fetch_or(&words[node / 64], 1ull << node % 64, __ATOMIC_SEQ_CST);
    for (unsigned word = 0; word < 4; word++) {
        if (!__atomic_load_n(&words[word], __ATOMIC_RELAXED)) continue;
        uint64_t bits = __atomic_exchange_n(&words[word], 0, __ATOMIC_SEQ_CST);
        for (; bits; bits &= bits - 1) run[word * 64 + (unsigned)__builtin_ctzll(bits)](argument);
    }
}
static void count(void *argument) { ++*(uint64_t *)argument; }
void (*CBench_counting(void))(void *) { return count; }

void CBench_turn(struct CBench_turn *turn) {
    turn->loops++;
    uint64_t now = __builtin_ia32_rdtsc();
    turn->heartbeat = now;
    if (__atomic_load_n(turn->epoch_wanted, __ATOMIC_ACQUIRE) != turn->epoch_reached) turn->epoch_reached++;
    uint64_t found = 0;
    for (unsigned word = 0; word < turn->doorbell_words; word++)
        found |= turn->unfinished[word] | __atomic_load_n(&turn->doorbells[word], __ATOMIC_RELAXED);
    for (unsigned word = 0; word < 4; word++) found |= __atomic_load_n(&turn->interrupts[word], __ATOMIC_RELAXED);
    if (__atomic_load_n(turn->generation_published, __ATOMIC_ACQUIRE) != turn->generation) turn->generation++;
    if (now >= turn->next_timer || now - turn->rate_start > turn->rate_interval) turn->rate_start = now;
    if (found) {
        turn->busy++;
        return;
    }
    // Who has found nothing for a while asks whether it may sleep, which it may not.
    if (++turn->idle > 256 && __builtin_ia32_rdtsc() >= turn->next_timer) return;
    __builtin_ia32_pause();
}

struct CBench_mailbox {
    uint64_t head;
    uint64_t padding[7];
    uint64_t tail;
    uint64_t asleep;
    uint64_t wakes;
    uint64_t more_padding[5];
    uint64_t slots[1024][4];
};
struct CBench_mailbox *CBench_mailbox_make(void) { return calloc(1, sizeof(struct CBench_mailbox)); }
void CBench_mailbox_free(struct CBench_mailbox *box) { free(box); }

int CBench_mailbox_put(struct CBench_mailbox *box, const uint64_t *call) {
    uint64_t tail = box->tail;
    if (tail - __atomic_load_n(&box->head, __ATOMIC_ACQUIRE) >= 1024) return -1;
    memcpy(box->slots[tail & 1023], call, 32);
    __atomic_store_n(&box->tail, tail + 1, __ATOMIC_RELEASE);
    // The consumer may be asleep.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&box->asleep, __ATOMIC_RELAXED)) box->wakes++;
    return 0;
}
int CBench_mailbox_take(struct CBench_mailbox *box, uint64_t *call) {
    uint64_t head = box->head;
    if (head == __atomic_load_n(&box->tail, __ATOMIC_ACQUIRE)) return -1;
    memcpy(call, box->slots[head & 1023], 32);
    __atomic_store_n(&box->head, head + 1, __ATOMIC_RELEASE);
    return 0;
}
