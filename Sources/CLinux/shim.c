// SPDX-License-Identifier: Apache-2.0
// What cannot be inline in the header: calls whose types clash with Swift's Glibc module.
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>
#include "CLinux.h"
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <poll.h>
#include <errno.h>
#include <execinfo.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <signal.h>
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
#include <ucontext.h>
#include <unistd.h>
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

int CLinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int CLinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}

int CLinux_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal);
}

int CLinux_set_thread_name(const char * name) {
    return prctl(PR_SET_NAME, name);
}

int CLinux_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds);
}

int CLinux_set_scheduler(int policy, int priority) {
    const struct sched_param parameters = {.sched_priority = priority};
    return sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno;
}

int CLinux_yield(void) { return sched_yield(); }
int CLinux_futex_wait(const uint32_t *word, uint32_t expected, uint64_t microseconds) {
    const struct timespec time = {
        .tv_sec = (time_t)(microseconds / 1000000), .tv_nsec = (long)(microseconds % 1000000) * 1000};
    return (int)syscall(SYS_futex, word, FUTEX_WAIT, expected, &time, (void *)0, 0);
}
int CLinux_futex_wake(const uint32_t *word) {
    return (int)syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, (void *)0, (void *)0, 0);
}

int CLinux_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

/// Binds `tid` (0: the caller) to the CPUs whose bits are set in `words`, 64 to a word.
int CLinux_set_affinity(int tid, const uint64_t * words, size_t count) {
    return (int)syscall(SYS_sched_setaffinity, tid, count * sizeof(uint64_t), words);
}

int CLinux_get_affinity(int tid, uint64_t * words, size_t count) {
    return (int)syscall(SYS_sched_getaffinity, tid, count * sizeof(uint64_t), words);
}

int CLinux_memfd_create(const char * name, unsigned flags) {
    return (int)syscall(SYS_memfd_create, name, flags);
}

long CLinux_mbind(void * address, size_t bytes, int node) {
    uint64_t mask[16] = {0};
    if (node < 0 || node >= 1024) { errno = EINVAL; return -1; }
    mask[node / 64] = 1ull << (node % 64);
    return syscall(SYS_mbind, address, bytes, MPOL_BIND, mask, (unsigned long)1025, MPOL_MF_STRICT);
}

long CLinux_set_mempolicy_bind(int node) {
    uint64_t mask[16] = {0};
    if (node < 0 || node >= 1024) { errno = EINVAL; return -1; }
    mask[node / 64] = 1ull << (node % 64);
    return syscall(SYS_set_mempolicy, MPOL_BIND, mask, (unsigned long)1025);
}

void * CLinux_map_huge(size_t bytes, int shift) {
    void *p = mmap(0, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (shift << MAP_HUGE_SHIFT), -1, 0);
    return p == MAP_FAILED ? 0 : p;
}

void * CLinux_map_shared(int fd, size_t bytes, int writable) {
    void *p = mmap(0, bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? 0 : p;
}

static int CLinux_unix_address(struct sockaddr_un * address, const char * path) {
    size_t length = strlen(path);
    if (length >= sizeof(address->sun_path)) { errno = ENAMETOOLONG; return -1; }
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    return 0;
}

int CLinux_unix_bind(int fd, const char * path) {
    struct sockaddr_un address;
    if (CLinux_unix_address(&address, path)) return -1;
    return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

int CLinux_unix_connect(int fd, const char * path) {
    struct sockaddr_un address;
    if (CLinux_unix_address(&address, path)) return -1;
    return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

long CLinux_send_descriptors(int socket, const void * bytes, size_t length,
                                              const int * fds, int count) {
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

long CLinux_receive_descriptors(int socket, void * bytes, size_t length,
                                                 int * fds, int * count) {
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

int CLinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int CLinux_current_cpu(void) { return sched_getcpu(); }

int CLinux_poll_microseconds(struct pollfd *descriptors, unsigned count, uint64_t microseconds) {
    struct timespec time = {(time_t)(microseconds / 1000000), (long)(microseconds % 1000000) * 1000};
    return ppoll(descriptors, count, &time, 0);
}

static int named_request(struct ifreq *request, const char *name) {
    memset(request, 0, sizeof(*request));
    if (strlen(name) >= IFNAMSIZ) { errno = ENAMETOOLONG; return -1; }
    memcpy(request->ifr_name, name, strlen(name));
    return 0;
}

int CLinux_tap_attach(int fd, const char *name) {
    struct ifreq request;
    if (named_request(&request, name)) return -1;
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
    return ioctl(fd, TUNSETIFF, &request);
}

int CLinux_interface_set_mtu(int socket, const char *name, int mtu) {
    struct ifreq request;
    if (named_request(&request, name)) return -1;
    request.ifr_mtu = mtu;
    return ioctl(socket, SIOCSIFMTU, &request);
}

int CLinux_interface_set_up(int socket, const char *name, int up) {
    struct ifreq request;
    if (named_request(&request, name)) return -1;
    if (ioctl(socket, SIOCGIFFLAGS, &request)) return -1;
    if (up) request.ifr_flags |= IFF_UP; else request.ifr_flags &= ~IFF_UP;
    return ioctl(socket, SIOCSIFFLAGS, &request);
}

int CLinux_backtrace(void **frames, int capacity) { return backtrace(frames, capacity); }

void CLinux_backtrace_symbols(void *const *frames, int count, int fd) {
    backtrace_symbols_fd(frames, count, fd);
}

long CLinux_read_own_memory(void *target, uint64_t address, size_t count) {
    struct iovec to = {target, count}, from = {(void *)address, count};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

int CLinux_set_signal_stack(void *base, size_t count) {
    stack_t stack = {.ss_sp = base, .ss_flags = 0, .ss_size = count};
    return sigaltstack(&stack, NULL);
}

uint64_t CLinux_context_program_counter(const void *context) {
    return (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

uint64_t CLinux_context_stack_pointer(const void *context) {
    return (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
}

// The build id that the linker put into the program: a note of type NT_GNU_BUILD_ID.
static int build_id_of_program(struct dl_phdr_info *info, size_t size, void *out) {
    (void)size;
    struct { uint8_t *bytes; int count; } *found = out;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_NOTE) continue;
        const char *at = (const char *)(info->dlpi_addr + part->p_vaddr);
        const char *end = at + part->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            const char *name = at + sizeof(*note);
            const char *text = name + ((note->n_namesz + 3) & ~3u);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                found->count = note->n_descsz < 32 ? (int)note->n_descsz : 32;
                memcpy(found->bytes, text, (size_t)found->count);
                return 1;
            }
            at = text + ((note->n_descsz + 3) & ~3u);
        }
    }
    return 1;  // The program comes first; libraries are not asked.
}

int CLinux_build_id(uint8_t *bytes) {
    struct { uint8_t *bytes; int count; } found = {bytes, 0};
    dl_iterate_phdr(build_id_of_program, &found);
    return found.count;
}

int CLinux_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL); }

int CLinux_bounding_set_has(int number) { return prctl(PR_CAPBSET_READ, (unsigned long)number, 0UL, 0UL, 0UL); }

int CLinux_bounding_set_drop(int number) { return prctl(PR_CAPBSET_DROP, (unsigned long)number, 0UL, 0UL, 0UL); }

int CLinux_set_capabilities(uint64_t mask) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)mask, (uint32_t)mask, 0}, {(uint32_t)(mask >> 32), (uint32_t)(mask >> 32), 0}};
    return (int)syscall(SYS_capset, &head, data);
}
