// SPDX-License-Identifier: Apache-2.0
// A plugin whose graph node does not come back from a packet with the word "looploop" in it: a lane that hangs.
#include "plugin.h"
#include <string.h>

static const struct cw_host *host;
static char interface[64];

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
    host->change(sink, "interface", strrchr(line, ' ') + 1);
    return 0;
}
static int set(void *plugin, const char *key, const char *value, void *sink) {
    (void)plugin, (void)key, (void)sink;
    if (value) strncpy(interface, value, sizeof interface - 1);
    return 0;
}
static int commit(void *plugin, void *sink) {
    (void)plugin, (void)sink;
    int index = interface[0] ? host->interface_index(host->context, interface) : -1;
    return index < 0 ? 0 : host->set_feature(host->context, "trap-input", (uint16_t)index, 1);
}
static void process(void *state, const struct cw_frame *frame) {
    (void)state;
    for (uint32_t i = 0; i < frame->count; i++) {
        // DPDK's buffer begins with the address of its memory, and at byte 16 the offset of the packet in it.
        const char *buffer = frame->packets[i];
        const char *data = *(char *const *)buffer + *(const uint16_t *)(buffer + 16);
        for (int offset = 0; offset < 64; offset++) {
            volatile int is_caught = memcmp(data + offset, "looploop", 8) == 0;
            while (is_caught) {}
        }
        frame->nexts[i] = 0;
    }
}

static const struct cw_node nodes[] = {
    {.name = "trap-input", .exits = "next", .reasons = "", .arc = "ip4-unicast", .runs_before = "", .runs_after = "",
     .process = process},
};
static const struct cw_command commands[] = {
    {.words = "set trap", .arguments = "INTERFACE", .summary = "Sets the trap.", .changes = 1},
};
static const struct cw_plugin plugin = {
    .magic = CW_PLUGIN_MAGIC,
    .layout = CW_PLUGIN_LAYOUT,
    .bytes = sizeof(struct cw_plugin),
    .node_count = 1,
    .command_count = 1,
    .build = CW_BUILD,
    .name = "trap",
    .version = "1",
    .summary = "Catches lanes",
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
