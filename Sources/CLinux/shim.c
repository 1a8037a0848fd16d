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
