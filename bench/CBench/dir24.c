// SPDX-License-Identifier: Apache-2.0
// DIR-24-8: bit 31 of a table word names a group of 256 words.
#define _GNU_SOURCE
#include "CBench.h"
#include <sys/mman.h>

enum { table_bytes = 1 << 26, group_bytes = 1024, huge_bytes = 1 << 21 };
static const uint32_t is_group = 1u << 31;

static size_t round_up(size_t bytes) { return (bytes + huge_bytes - 1) / huge_bytes * huge_bytes; }

/// Huge pages from the reserved ones, else ordinary memory that the kernel may put into huge pages.
static void *map(size_t bytes) {
    bytes = round_up(bytes);
    void *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (p != MAP_FAILED) return p;
    p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return 0;
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

int CBench_dir24_make(struct CBench_dir24 *dir, size_t groups) {
    void *table = map(table_bytes);
    if (!table) return -1;
    void *memory = map(groups * group_bytes);
    if (!memory) {
        munmap(table, table_bytes);
        return -1;
    }
    *dir = (struct CBench_dir24){table, memory, 0, groups};
    return 0;
}

void CBench_dir24_free(struct CBench_dir24 *dir) {
    munmap(dir->table, table_bytes);
    munmap(dir->groups, round_up(dir->group_capacity * group_bytes));
}

int CBench_dir24_add_host(struct CBench_dir24 *dir, uint32_t address, uint32_t leaf) {
    uint32_t word = dir->table[address >> 8];
    if (!(word & is_group)) {
        if (dir->group_count == dir->group_capacity) return -1;
        uint32_t *group = dir->groups + dir->group_count * 256;
        for (int i = 0; i < 256; i++) group[i] = word;
        word = is_group | (uint32_t)dir->group_count++;
        dir->table[address >> 8] = word;
    }
    dir->groups[(size_t)(word & ~is_group) * 256 + (address & 255)] = leaf;
    return 0;
}

void CBench_dir24_lookup(const struct CBench_dir24 *dir, const uint32_t *addresses, uint32_t *leaves,
                         size_t count) {
    const uint32_t *table = dir->table, *groups = dir->groups;
    const size_t distance = 16;
    for (size_t i = 0; i < count; i++) {
        if (i + distance < count) __builtin_prefetch(&table[addresses[i + distance] >> 8], 0, 3);
        uint32_t word = table[addresses[i] >> 8];
        leaves[i] = word;
        if (word & is_group)
            __builtin_prefetch(&groups[(size_t)(word & ~is_group) * 256 + (addresses[i] & 255)], 0, 3);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t word = leaves[i];
        if (word & is_group)
            leaves[i] = groups[(size_t)(word & ~is_group) * 256 + (addresses[i] & 255)];
    }
}
