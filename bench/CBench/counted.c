// SPDX-License-Identifier: Apache-2.0
// Allocation functions in front of the C library's, and the hooks that Swift's runtime has for instruments.
#include "CBench.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Thread_local uint64_t allocations;

uint64_t CBench_allocations(void) { return allocations; }

void *malloc(size_t bytes) {
    allocations++;
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
    allocations++;
    return __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
    allocations++;
    return __libc_realloc(old, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
    allocations++;
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
    allocations++;
    void *memory = __libc_memalign(alignment, bytes);
    if (!memory) return ENOMEM;
    *out = memory;
    return 0;
}

extern void *(*_swift_retain)(void *) __attribute__((weak));
extern void (*_swift_release)(void *) __attribute__((weak));
extern bool _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly __attribute__((weak));

static _Atomic uint64_t references;
static void *(*plain_retain)(void *);
static void (*plain_release)(void *);

static void *counted_retain(void *object) {
    atomic_fetch_add_explicit(&references, 1, memory_order_relaxed);
    return plain_retain(object);
}
static void counted_release(void *object) {
    atomic_fetch_add_explicit(&references, 1, memory_order_relaxed);
    plain_release(object);
}

int CBench_count_references(int on) {
    if (!&_swift_retain || !&_swift_release
        || !&_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly)
        return 0;
    if (!plain_retain) {
        plain_retain = _swift_retain;
        plain_release = _swift_release;
    }
    _swift_retain = on ? counted_retain : plain_retain;
    _swift_release = on ? counted_release : plain_release;
    _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly = on;
    return 1;
}

extern void *swift_retain(void *) __attribute__((weak));
extern void swift_release(void *) __attribute__((weak));

void CBench_retain_and_release(void *object) {
    swift_retain(object);
    swift_release(object);
}

uint64_t CBench_references(void) { return atomic_load(&references); }

uint64_t CBench_core_clocks(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i += 8)
        __asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
                         "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0" : "+r"(sum));
    return sum;
}
