// SPDX-License-Identifier: Apache-2.0
// The terminal's modes, in C because signal handlers give them back.
#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t terminal = -1;
static volatile sig_atomic_t is_alternate;
static int signal_pipe = -1;

int CLinux_terminal_size(int fd, unsigned *rows, unsigned *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

int CLinux_terminal_enter(int fd) {
    if (terminal >= 0) return 0;
    if (tcgetattr(fd, &saved) != 0) return -1;
    struct termios raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | ISTRIP);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSADRAIN, &raw) != 0) return -1;
    terminal = fd;
    return 0;
}

void CLinux_terminal_leave(void) {
    static const char screen[] = "\033[?2026l\033[?1049l\033[?25h";
    static const char line[] = "\033[?2004l";
    int fd = terminal;
    if (fd < 0) return;
    terminal = -1;
    // A terminal that takes nothing more is not waited for.
    if (is_alternate) (void)!write(fd, screen, sizeof screen - 1);
    (void)!write(fd, line, sizeof line - 1);
    is_alternate = 0;
    tcsetattr(fd, TCSANOW, &saved);
}

void CLinux_terminal_alternate(int is_shown) { is_alternate = is_shown; }

static void note(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    (void)!write(signal_pipe, &byte, 1);
    errno = error;
}

static void crash(int number) {
    CLinux_terminal_leave();
    signal(number, SIG_DFL);
    raise(number);
}

int CLinux_terminal_watch(void) {
    static const int noted[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    signal_pipe = ends[1];
    struct sigaction action = {.sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    action.sa_handler = note;
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) sigaction(noted[i], &action, (void *)0);
    action.sa_handler = crash;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, (void *)0);
    return ends[0];
}
