// SPDX-License-Identifier: Apache-2.0
// System calls and instructions that Swift's Glibc module does not show. No logic: each function is one call.
// Without _GNU_SOURCE, which would give fd_set another shape here than in swift-system's CSystem module.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

// Instructions.
static inline void CLinux_pause(void) { __builtin_ia32_pause(); }
static inline void CLinux_prefetch_read(const void *_Nonnull address) {
    __builtin_prefetch(address, 0, 3);
}
static inline void CLinux_prefetch_write(const void *_Nonnull address) {
    __builtin_prefetch(address, 1, 3);
}
static inline uint64_t CLinux_tsc(void) { return __builtin_ia32_rdtsc(); }
static inline void CLinux_store_fence(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void CLinux_full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// Words in memory that another thread or process reads; the address is naturally aligned.
static inline uint32_t CLinux_load_acquire32(const uint32_t *_Nonnull p) {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void CLinux_store_release32(uint32_t *_Nonnull p, uint32_t v) {
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline uint64_t CLinux_load_acquire64(const uint64_t *_Nonnull p) {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline uint64_t CLinux_load_relaxed64(const uint64_t *_Nonnull p) {
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline void CLinux_store_release64(uint64_t *_Nonnull p, uint64_t v) {
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline void CLinux_store_relaxed64(uint64_t *_Nonnull p, uint64_t v) {
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}
static inline uint64_t CLinux_fetch_or64(uint64_t *_Nonnull p, uint64_t v) {
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
}
static inline uint64_t CLinux_exchange64(uint64_t *_Nonnull p, uint64_t v) {
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

// Processes. The int results are the system call's: -1 with errno set.
static inline int CLinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int CLinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}
static inline int CLinux_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal);
}
static inline int CLinux_set_thread_name(const char *_Nonnull name) {
    return prctl(PR_SET_NAME, name);
}
/// The timer slack of the calling thread (prctl PR_SET_TIMERSLACK).
static inline int CLinux_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds);
}
/// The CPU that the caller runs on.
int CLinux_current_cpu(void);
struct pollfd;
/// poll(2) with a time-out in microseconds.
int CLinux_poll_microseconds(struct pollfd *_Nonnull descriptors, unsigned count, uint64_t microseconds);
static inline pid_t CLinux_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

/// Binds `tid` (0: the caller) to the CPUs whose bits are set in `words`, 64 to a word.
static inline int CLinux_set_affinity(pid_t tid, const uint64_t *_Nonnull words, size_t count) {
    return (int)syscall(SYS_sched_setaffinity, tid, count * sizeof(uint64_t), words);
}
/// Reads the affinity of `tid` into `words`; the number of bytes written, or -1.
static inline int CLinux_get_affinity(pid_t tid, uint64_t *_Nonnull words, size_t count) {
    return (int)syscall(SYS_sched_getaffinity, tid, count * sizeof(uint64_t), words);
}

// Memory. `node` below 0 means: no binding.
static inline int CLinux_memfd_create(const char *_Nonnull name, unsigned flags) {
    return (int)syscall(SYS_memfd_create, name, flags);
}
static inline long CLinux_mbind(void *_Nonnull address, size_t bytes, int node) {
    uint64_t mask[16] = {0};
    if (node < 0 || node >= 1024) { errno = EINVAL; return -1; }
    mask[node / 64] = 1ull << (node % 64);
    return syscall(SYS_mbind, address, bytes, MPOL_BIND, mask, (unsigned long)1025, MPOL_MF_STRICT);
}
static inline long CLinux_set_mempolicy_bind(int node) {
    uint64_t mask[16] = {0};
    if (node < 0 || node >= 1024) { errno = EINVAL; return -1; }
    mask[node / 64] = 1ull << (node % 64);
    return syscall(SYS_set_mempolicy, MPOL_BIND, mask, (unsigned long)1025);
}
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
/// Anonymous private memory in huge pages of 2^`shift` bytes (21: 2 MiB, 30: 1 GiB).
static inline void *_Nullable CLinux_map_huge(size_t bytes, int shift) {
    void *p = mmap(0, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (shift << MAP_HUGE_SHIFT), -1, 0);
    return p == MAP_FAILED ? 0 : p;
}
static inline void *_Nullable CLinux_map_shared(int fd, size_t bytes, int writable) {
    void *p = mmap(0, bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? 0 : p;
}

// Sockets. One message and at most `max` descriptors with it.
/// Fills `address` with `path`; 0, or -1 (ENAMETOOLONG).
static inline int CLinux_unix_address(struct sockaddr_un *_Nonnull address, const char *_Nonnull path) {
    size_t length = strlen(path);
    if (length >= sizeof(address->sun_path)) { errno = ENAMETOOLONG; return -1; }
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    return 0;
}
static inline int CLinux_unix_bind(int fd, const char *_Nonnull path) {
    struct sockaddr_un address;
    if (CLinux_unix_address(&address, path)) return -1;
    return bind(fd, (struct sockaddr *)&address, sizeof(address));
}
static inline int CLinux_unix_connect(int fd, const char *_Nonnull path) {
    struct sockaddr_un address;
    if (CLinux_unix_address(&address, path)) return -1;
    return connect(fd, (struct sockaddr *)&address, sizeof(address));
}
static inline ssize_t CLinux_send_descriptors(int socket, const void *_Nonnull bytes, size_t length,
                                              const int *_Nullable fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec part = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count < 0 || count > 64) { errno = EINVAL; return -1; }
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}
/// `*count` is the room in `fds` before and the number received after; -2: the message was longer than `length`.
static inline ssize_t CLinux_receive_descriptors(int socket, void *_Nonnull bytes, size_t length,
                                                 int *_Nonnull fds, int *_Nonnull count) {
    char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec part = {bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof(control)};
    int room = *count, got = 0;
    *count = 0;
    ssize_t result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (result < 0) return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int n = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + sizeof(int) * (size_t)i, sizeof(int));
            if (got < room) fds[got++] = fd; else close(fd);
        }
    }
    *count = got;
    return message.msg_flags & MSG_TRUNC ? -2 : result;
}

// The Linux TAP device (Documentation/networking/tuntap). Not inline: <linux/if.h> and Glibc's <net/if.h> both
// define struct ifreq, and Swift's Glibc module has the other one.
/// Attaches `fd` (an open /dev/net/tun) to TAP interface `name` as one of its queues; no packet information header.
int CLinux_tap_attach(int fd, const char *_Nonnull name);
/// Sets the MTU of interface `name` through any socket of its network namespace.
int CLinux_interface_set_mtu(int socket, const char *_Nonnull name, int mtu);
/// Sets or clears IFF_UP of interface `name`.
int CLinux_interface_set_up(int socket, const char *_Nonnull name, int up);
