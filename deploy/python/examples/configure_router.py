#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configures a router from nothing over the API, and watches what happens meanwhile.

    configure_router.py --socket /run/causeway/api.sock --routes 200 --seconds 10

It sets every interface up with an address, adds routes one by one and many at once, changes an interface only if
nobody else has changed anything, and prints one line of JSON for each request with what came of it: the number of
its change, or the error. It may be run again, and while supervisors come and go.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from causeway_client import ApiError, Causeway, NoReply  # noqa: E402


class Journal:
    """What became of each request, and what happened, one line each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked = 0
        self.done = 0
        self.failed = 0

    def say(self, **line: Any) -> None:
        with self._lock:
            print(json.dumps(line, sort_keys=True), flush=True)

    def ask(self, what: str, request: Callable[[], Any]) -> Any:
        """Makes a request and says what came of it."""
        self.asked += 1
        try:
            result = request()
        except (ApiError, NoReply) as error:
            self.failed += 1
            self.say(request=what, error=str(error))
            return None
        self.done += 1
        self.say(request=what, result=result)
        return result


def watch(socket: str, journal: Journal, seen: list[dict[str, Any]]) -> None:
    """Says what happens until the program ends."""
    for event in Causeway(socket).events(patience=120):
        seen.append(event)
        journal.say(event=event)


def configure(router: Causeway, journal: Journal, routes: int, seconds: float) -> None:
    """Configures interfaces and routes, evenly over some seconds."""
    interfaces = router.interfaces()
    for number, interface in enumerate(interfaces):
        name = interface["name"]
        journal.ask(f"{name} up", lambda: router.set_interface(name, is_up=True, mtu=1500))
        journal.ask(
            f"{name} address", lambda: router.add_address(name, f"10.{50 + number}.0.1/24")
        )
    _, tag = router.interface(interfaces[0]["name"])
    journal.ask(
        "conditional change",
        lambda: router.set_interface(interfaces[0]["name"], mtu=1400, if_match=tag),
    )
    for number in range(routes):
        prefix = f"30.{number // 256}.{number % 256}.0/24"
        journal.ask(f"route {prefix}", lambda: router.put_route(prefix, next_hop="10.50.0.2"))
        time.sleep(seconds / routes)
    lines = (
        {"op": "add", "prefix": f"40.{number // 256}.{number % 256}.0/24", "action": "drop"}
        for number in range(1000)
    )
    answers = list(router.change_routes(lines))
    journal.say(bulk=len(answers), refused=sum(not answer["ok"] for answer in answers))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--socket", default="/run/causeway/api.sock", help="the control socket")
    parser.add_argument("--routes", type=int, default=100, help="routes that are set one by one")
    parser.add_argument("--seconds", type=float, default=0, help="how long setting them takes")
    options = parser.parse_args()
    journal = Journal()
    seen: list[dict[str, Any]] = []
    with Causeway(options.socket, patience=60) as router:
        router.wait_until_ready()
        threading.Thread(target=watch, args=(options.socket, journal, seen), daemon=True).start()
        while not seen:
            time.sleep(0.01)
        configure(router, journal, options.routes, options.seconds)
        found = {route["prefix"] for route in router.routes()}
        wanted = {f"30.{number // 256}.{number % 256}.0/24" for number in range(options.routes)}
        missing = sorted(wanted - found)
    journal.say(
        asked=journal.asked,
        done=journal.done,
        failed=journal.failed,
        missing=missing,
        events=len(seen),
        supervisors=len({event["id"].split("-")[0] for event in seen if event["id"]}),
    )
    return 0 if journal.asked == journal.done and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
