// SPDX-License-Identifier: Apache-2.0
// A plugin for what must not happen. Its graph node keeps for good every packet with the word "leakleak" in it.
// `set mishap INTERFACE WHAT` puts it on an interface; WHAT is `none`, or how a worker ends that applies it:
// `dies` at once, `dies-on-1` the same on NUMA node 1 alone, `dies-later` with the next packet, `hangs` with it.
#include "plugin.h"
#include <signal.h>
#include <string.h>

static const struct cw_host *host;
static char interface[64], mishap[64];
static volatile int is_deadly, is_endless;

static void *start(const struct cw_host *given, void *sink) {
    (void)sink;
    host = given;
    return interface;
}
static void *make_state(void *plugin, uint32_t node, uint16_t lane) {
    (void)node, (void)lane;
    return plugin;
}
static int run_step(void *plugin, uint32_t step, uint16_t lane, void *sink) {
    (void)plugin, (void)step, (void)lane, (void)sink;
    return 0;
}
static int configure(void *plugin, const char *words, void *sink) {
    (void)plugin, (void)words, (void)sink;
    return 0;
}
static int command(void *plugin, const char *line, void *sink) {
    (void)plugin;
    char words[256] = "";
    strncpy(words, line, sizeof words - 1);
    char *what = strrchr(words, ' ');
    if (!what) return -1;
    *what++ = 0;
    char *name = strrchr(words, ' ');
    if (!name) return -1;
    host->change(sink, "interface", name + 1);
    host->change(sink, "what", what);
    return 0;
}
static int set(void *plugin, const char *key, const char *value, void *sink) {
    (void)plugin, (void)sink;
    char *place = strcmp(key, "what") == 0 ? mishap : interface;
    memset(place, 0, 64);
    if (value) strncpy(place, value, 63);
    return 0;
}
static int commit(void *plugin, void *sink) {
    (void)plugin, (void)sink;
    if (strcmp(mishap, "dies") == 0) raise(SIGKILL);
    if (strcmp(mishap, "dies-on-1") == 0 && host->node == 1) raise(SIGKILL);
    is_deadly = strcmp(mishap, "dies-later") == 0;
    is_endless = strcmp(mishap, "hangs") == 0;
    int index = interface[0] ? host->interface_index(host->context, interface) : -1;
    return index < 0 ? 0 : host->set_feature(host->context, "mishap-input", (uint16_t)index, 1);
}
static void process(void *state, const struct cw_frame *frame) {
    (void)state;
    if (is_deadly) raise(SIGKILL);
    while (is_endless) {}
    for (uint32_t i = 0; i < frame->count; i++) {
        // DPDK's buffer begins with the address of its memory, and at byte 16 the offset of the packet in it.
        const char *buffer = frame->packets[i];
        const char *data = *(char *const *)buffer + *(const uint16_t *)(buffer + 16);
        frame->nexts[i] = 0;
        for (int offset = 0; offset < 64; offset++)
            if (memcmp(data + offset, "leakleak", 8) == 0) frame->nexts[i] = 0xFFFF;
    }
}

static const struct cw_node nodes[] = {
    {.name = "mishap-input", .exits = "next", .reasons = "", .arc = "ip4-unicast", .runs_before = "",
     .runs_after = "", .process = process},
};
static const struct cw_command commands[] = {
    {.words = "set mishap", .arguments = "INTERFACE WHAT", .summary = "Sets what happens.", .changes = 1},
};
static const struct cw_plugin plugin = {
    .magic = CW_PLUGIN_MAGIC,
    .layout = CW_PLUGIN_LAYOUT,
    .bytes = sizeof(struct cw_plugin),
    .node_count = 1,
    .command_count = 1,
    .build = CW_BUILD,
    .name = "mishap",
    .version = "1",
    .summary = "Fails on demand",
    .nodes = nodes,
    .commands = commands,
    .start = start,
    .make_state = make_state,
    .run_step = run_step,
    .configure = configure,
    .command = command,
    .set = set,
    .commit = commit,
};

const struct cw_plugin *cw_plugin_registration(void) { return &plugin; }
