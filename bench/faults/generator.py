# SPDX-License-Identifier: Apache-2.0
"""Load of the packet generator: on each node a stream that stays there and one to the other node."""
from . import bed

_STREAMS = (("here", 0), ("over", 1))


def start(dataplane, node, rate):
    """Makes a node's streams anew and lets them run; those that are there end."""
    if rate <= 0:
        return
    for name, is_far in _STREAMS:
        target = 2 * (1 - node if is_far else node) + 1
        data = f"{{ UDP: 10.9.9.9 -> 10.50.{target}.9 UDP: 1 -> 2 incrementing 64 }}"
        stream = f"{name}{node}"
        try:
            dataplane.command(f"packet-generator delete {stream}")
        except bed.Refusal:
            pass
        dataplane.command(
            f"packet-generator new {{ name {stream} limit 0 rate {rate} size 128-512 "
            f"interface in{node} node ip4-input data {data} }}")
        dataplane.command(f"packet-generator enable-stream {stream}")


def stop(dataplane):
    """Stops all streams."""
    try:
        dataplane.command("packet-generator disable-stream")
    except bed.Refusal:
        pass
