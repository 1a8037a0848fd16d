// SPDX-License-Identifier: Apache-2.0
// What a plugin and the worker that loads it agree on: plain C records and calls, so that the two share no
// Swift type and no state of a module. Strings are UTF-8, zero-terminated, and live as long as the process
// unless it is said otherwise. Lists of names are one string with blanks between.
//
// All calls but `process` come on the worker's control thread, one at a time. `process` comes on lanes: it
// must not allocate, lock, or wait.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The version of this build of Causeway.
#define CW_BUILD "0.1.0"
/// "CWPL" in little-endian order.
#define CW_PLUGIN_MAGIC 0x4C505743u
/// Counts the changes of the records below that an older plugin would misread.
#define CW_PLUGIN_LAYOUT 1u
/// The function that a plugin exports: `const struct cw_plugin *cw_plugin_registration(void)`.
#define CW_PLUGIN_SYMBOL "cw_plugin_registration"

/// Packets on their way through a plugin's graph node.
struct cw_frame {
    /// The packets, a pointer to DPDK's buffer each.
    void *_Nonnull *_Nonnull packets;
    /// For the node to fill: the number of an exit for each packet, or 0xFFFF if the node has kept or freed it.
    uint16_t *_Nonnull nexts;
    /// The lane's counters of the node's reasons, in their order.
    uint64_t *_Nonnull counters;
    /// The packets in the frame, 1...256.
    uint32_t count;
    /// What a packet's `error` is for the node's reason 0; the others follow.
    uint16_t first_error;
    /// The lane's number in its worker.
    uint16_t lane;
};

/// A graph node of a plugin.
struct cw_node {
    /// Unique in the graph.
    const char *_Nonnull name;
    /// The graph nodes that its exits lead to, from exit 0 on; `next` is the next feature of the arc.
    const char *_Nonnull exits;
    /// The texts of its reasons, with line feeds between; a packet that goes to `error-drop` has one.
    const char *_Nonnull reasons;
    /// A bit for each reason that is no drop.
    uint32_t informational;
    /// The feature arc that it belongs to, `ip4-unicast`; NULL: none.
    const char *_Nullable arc;
    /// Its place among the features of the arc.
    const char *_Nonnull runs_before;
    const char *_Nonnull runs_after;
    /// Works on a frame.
    void (*_Nonnull process)(void *_Nullable state, const struct cw_frame *_Nonnull frame);
};

/// A command that the supervisor passes on to workers.
struct cw_command {
    /// The words that it begins with, such as `show access-list`.
    const char *_Nonnull words;
    /// The arguments after them, for people; empty: none.
    const char *_Nonnull arguments;
    /// What it is for, in a few words.
    const char *_Nonnull summary;
    /// 0: asked of every worker, changes nothing. 1: asked of one, says by `change` what is to be set on all.
    uint32_t changes;
};

/// A function that runs once at a point of the worker's life.
struct cw_step {
    /// Unique within its phase.
    const char *_Nonnull name;
    /// `early-config`, `init`, `config`, `worker` (once a lane), `enter` or `exit`.
    const char *_Nonnull phase;
    const char *_Nonnull runs_before;
    const char *_Nonnull runs_after;
};

/// What the worker does for a plugin.
struct cw_host {
    uint32_t layout;
    /// The NUMA node's number in the placement.
    uint32_t node;
    uint32_t lanes;
    void *_Nonnull context;
    /// Adds to the answer or the error that `sink` stands for.
    void (*_Nonnull say)(void *_Nonnull sink, const char *_Nonnull text);
    /// In a command that changes: sets a key, or forgets it (NULL). Every worker's `set` will be called, also
    /// in the next life of this one.
    void (*_Nonnull change)(void *_Nonnull sink, const char *_Nonnull key, const char *_Nullable value);
    void (*_Nonnull log)(void *_Nonnull context, const char *_Nonnull text);
    /// The number of an interface; -1: there is none of that name.
    int (*_Nonnull interface_index)(void *_Nonnull context, const char *_Nonnull name);
    /// Puts one of the plugin's features on an interface, or takes it off; in force when `commit` has returned.
    /// -1: there is no such feature or interface.
    int (*_Nonnull set_feature)(void *_Nonnull context, const char *_Nonnull node, uint16_t interface, int is_on);
    /// Returns when every lane has begun a new turn of its loop: what was taken out before is read by none.
    void (*_Nonnull wait_for_lanes)(void *_Nonnull context);
    /// Zeroed memory of the node's own heap; NULL: it is full.
    void *_Nullable (*_Nonnull allocate)(void *_Nonnull context, size_t bytes);
    void (*_Nonnull deallocate)(void *_Nonnull context, void *_Nonnull memory, size_t bytes);
};

/// A plugin.
struct cw_plugin {
    uint32_t magic;
    uint32_t layout;
    /// `sizeof(struct cw_plugin)`.
    uint32_t bytes;
    uint32_t node_count;
    uint32_t command_count;
    uint32_t step_count;
    /// The build of Causeway that it was compiled with: CW_BUILD.
    const char *_Nonnull build;
    const char *_Nonnull name;
    const char *_Nonnull version;
    const char *_Nonnull summary;
    const struct cw_node *_Nullable nodes;
    const struct cw_command *_Nullable commands;
    const struct cw_step *_Nullable steps;
    /// Early init, before the graph is built; NULL after saying why not. `host` lives as long as the process.
    void *_Nullable (*_Nonnull start)(const struct cw_host *_Nonnull host, void *_Nonnull sink);
    /// Makes a lane's state of a node, by its place in `nodes`.
    void *_Nullable (*_Nonnull make_state)(void *_Nonnull plugin, uint32_t node, uint16_t lane);
    /// Runs a step, by its place in `steps`; 0, or the reason has been said.
    int (*_Nonnull run_step)(void *_Nonnull plugin, uint32_t step, uint16_t lane, void *_Nonnull sink);
    /// Takes the words of its section of the startup file; 0, or the reason has been said.
    int (*_Nonnull configure)(void *_Nonnull plugin, const char *_Nonnull words, void *_Nonnull sink);
    /// Carries out a command line; 0, or the reason has been said.
    int (*_Nonnull command)(void *_Nonnull plugin, const char *_Nonnull line, void *_Nonnull sink);
    /// Takes a setting (NULL: it is gone), in force after `commit`; 0, or the reason has been said.
    int (*_Nonnull set)(void *_Nonnull plugin, const char *_Nonnull key, const char *_Nullable value,
                        void *_Nonnull sink);
    /// Puts what was set since the last call in force; 0, or the reason has been said and nothing is.
    int (*_Nonnull commit)(void *_Nonnull plugin, void *_Nonnull sink);
};
