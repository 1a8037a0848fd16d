// SPDX-License-Identifier: Apache-2.0
// A plugin in C that claims to come from another build of Causeway, or from another layout of the records.
#include "plugin.h"

#ifndef LAYOUT
#define LAYOUT CW_PLUGIN_LAYOUT
#endif

static void *start(const struct cw_host *host, void *sink) {
    (void)sink;
    return (void *)host;
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
    ((const struct cw_host *)plugin)->say(sink, words);
    return -1;
}
static int command(void *plugin, const char *line, void *sink) {
    ((const struct cw_host *)plugin)->say(sink, line);
    return 0;
}
static int set(void *plugin, const char *key, const char *value, void *sink) {
    (void)plugin, (void)key, (void)value, (void)sink;
    return 0;
}
static int commit(void *plugin, void *sink) {
    (void)plugin, (void)sink;
    return 0;
}

static const struct cw_command commands[] = {
    {.words = "show stranger", .arguments = "[WORD...]", .summary = "Says what it hears.", .changes = 0},
};
static const struct cw_step steps[] = {
    {.name = "stranger-init", .phase = "init", .runs_before = "", .runs_after = "plugins"},
};
static const struct cw_plugin plugin = {
    .magic = CW_PLUGIN_MAGIC,
    .layout = LAYOUT,
    .bytes = sizeof(struct cw_plugin),
    .command_count = 1,
    .step_count = 1,
    .build = "9.9.9",
    .name = "stranger",
    .version = "7",
    .summary = "Comes from elsewhere",
    .commands = commands,
    .steps = steps,
    .start = start,
    .make_state = make_state,
    .run_step = run_step,
    .configure = configure,
    .command = command,
    .set = set,
    .commit = commit,
};

const struct cw_plugin *cw_plugin_registration(void) { return &plugin; }
