// SPDX-License-Identifier: Apache-2.0
// System calls and instructions that Swift's Glibc module does not show. No logic: each function is one call.
// It includes next to nothing: a type of Glibc's that came in by here would sometimes count as this module's.
#pragma once
#include <stddef.h>
#include <stdint.h>

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
/// Nothing after it is read before what stands before it has been, the time-stamp counter included.
static inline void CLinux_load_fence(void) { __builtin_ia32_lfence(); }
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
/// Stores `desired` if the word is `expected`; whether it was.
static inline _Bool CLinux_compare_exchange64(uint64_t *_Nonnull p, uint64_t expected, uint64_t desired) {
    return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// Processes. The int results are the system call's: -1 with errno set.
int CLinux_pidfd_open(int pid);
int CLinux_pidfd_send_signal(int pidfd, int signal);
int CLinux_set_parent_death_signal(int signal);
int CLinux_set_thread_name(const char *_Nonnull name);
/// The timer slack of the calling thread (prctl PR_SET_TIMERSLACK).
int CLinux_set_timer_slack(unsigned long nanoseconds);
/// Gives the calling thread a scheduling policy and a priority: 0, or the error's number.
int CLinux_set_scheduler(int policy, int priority);
/// The CPU that the caller runs on.
int CLinux_current_cpu(void);
/// Lets another thread of this CPU run.
int CLinux_yield(void);
/// Sleeps until `word`, shared between processes, is another than `expected`, somebody wakes its waiters, or the
/// time is over.
int CLinux_futex_wait(const uint32_t *_Nonnull word, uint32_t expected, uint64_t microseconds);
/// Wakes all waiters of a word.
int CLinux_futex_wake(const uint32_t *_Nonnull word);
/// A non-blocking, close-on-exec eventfd, or -1.
int CLinux_eventfd(void);
struct pollfd;
/// poll(2) with a time-out in microseconds.
int CLinux_poll_microseconds(struct pollfd *_Nonnull descriptors, unsigned count, uint64_t microseconds);
int CLinux_thread_id(void);
/// Binds `tid` (0: the caller) to the CPUs whose bits are set in `words`, 64 to a word.
int CLinux_set_affinity(int tid, const uint64_t *_Nonnull words, size_t count);
/// Reads the affinity of `tid` into `words`; the number of bytes written, or -1.
int CLinux_get_affinity(int tid, uint64_t *_Nonnull words, size_t count);

// Memory. `node` below 0 means: no binding.
int CLinux_memfd_create(const char *_Nonnull name, unsigned flags);
long CLinux_mbind(void *_Nonnull address, size_t bytes, int node);
long CLinux_set_mempolicy_bind(int node);
/// Anonymous private memory in huge pages of 2^`shift` bytes (21: 2 MiB, 30: 1 GiB).
void *_Nullable CLinux_map_huge(size_t bytes, int shift);
void *_Nullable CLinux_map_shared(int fd, size_t bytes, int writable);

// Sockets. One message and at most `max` descriptors with it.
int CLinux_unix_bind(int fd, const char *_Nonnull path);
int CLinux_unix_connect(int fd, const char *_Nonnull path);
long CLinux_send_descriptors(int socket, const void *_Nonnull bytes, size_t length,
                                              const int *_Nullable fds, int count);
/// `*count` is the room in `fds` before and the number received after; -2: the message was longer than `length`.
long CLinux_receive_descriptors(int socket, void *_Nonnull bytes, size_t length,
                                                 int *_Nonnull fds, int *_Nonnull count);

// The Linux TAP device (Documentation/networking/tuntap). Not inline: <linux/if.h> and Glibc's <net/if.h> both
// define struct ifreq, and Swift's Glibc module has the other one.
/// Attaches `fd` (an open /dev/net/tun) to TAP interface `name` as one of its queues; no packet information header.
int CLinux_tap_attach(int fd, const char *_Nonnull name);
/// Sets the MTU of interface `name` through any socket of its network namespace.
int CLinux_interface_set_mtu(int socket, const char *_Nonnull name, int mtu);
/// Sets or clears IFF_UP of interface `name`.
int CLinux_interface_set_up(int socket, const char *_Nonnull name, int up);

// Privileges of the calling thread, see capabilities(7).
int CLinux_set_no_new_privileges(void);
/// Whether capability `number` is in the bounding set; -1: the kernel knows none of that number.
int CLinux_bounding_set_has(int number);
int CLinux_bounding_set_drop(int number);
/// Makes these the effective and permitted capabilities, bit n for number n, and none inheritable.
int CLinux_set_capabilities(uint64_t mask);

/// The program's build id, as its linker wrote it, at most 32 bytes; how many bytes, 0: it has none.
int CLinux_build_id(uint8_t *_Nonnull bytes);

// Crash reports; all may be called in a signal handler once `CLinux_backtrace` has been called outside one.
/// Return addresses of the caller's stack, innermost first; how many.
int CLinux_backtrace(void *_Nullable *_Nonnull frames, int capacity);
/// Writes a line a frame: object(symbol+offset)[address].
void CLinux_backtrace_symbols(void *_Nullable const *_Nonnull frames, int count, int fd);
/// Copies memory of this process that may not be there; the bytes copied, or -1.
long CLinux_read_own_memory(void *_Nonnull target, uint64_t address, size_t count);
/// An alternate signal stack for the calling thread.
int CLinux_set_signal_stack(void *_Nonnull base, size_t count);
/// Registers in a signal handler's third argument.
uint64_t CLinux_context_program_counter(const void *_Nonnull context);
uint64_t CLinux_context_stack_pointer(const void *_Nonnull context);

// The terminal of this process: one, as its settings must be found again by a signal handler.
/// Rows and columns; -1 where `fd` is none.
int CLinux_terminal_size(int fd, unsigned *_Nonnull rows, unsigned *_Nonnull columns);
/// Keys one by one, without echo and signals, until `CLinux_terminal_leave`; -1 where `fd` is no terminal.
int CLinux_terminal_enter(int fd);
/// The settings from before; writes what undoes the modes that were set. May be called in a signal handler.
void CLinux_terminal_leave(void);
/// Whether the alternate screen is shown, for `CLinux_terminal_leave`.
void CLinux_terminal_alternate(int is_shown);
/// From now on signals that change or end a session are a byte each, their number, at the returned descriptor; those
/// of a crash give the terminal back first. -1: no pipe could be had.
int CLinux_terminal_watch(void);
