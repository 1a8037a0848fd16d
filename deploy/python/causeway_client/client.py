# SPDX-License-Identifier: Apache-2.0
"""The client: a method for each thing that the API does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from .errors import ApiError
from .transport import DEFAULT_SOCKET, LOST, Transport

Json = dict[str, Any]


def _segment(text: str) -> str:
    return quote(text, safe="")


class Causeway:
    """A router, by its control socket.

    Every method gives its result, or raises ApiError or NoReply; none is silent. Changes may be sent more than
    once, and are made once: also when a supervisor dies and the next one takes over.

    A client is for one thread; events() and change_routes() have connections of their own.
    """

    def __init__(self, socket: str = DEFAULT_SOCKET, patience: float = 30) -> None:
        self._transport = Transport(socket, patience)

    def __enter__(self) -> Causeway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        self._transport.close()

    # ------------------------------------------------------------------------------------------ reading

    def get(self, path: str, **query: Any) -> Json:
        """Reads any path of the API, such as "/v1/interfaces"."""
        if query:
            path += "?" + urlencode(query)
        _, body = self._transport.request("GET", path)
        return json.loads(body)

    def show(self, *words: str, **options: Any) -> Json:
        """The result of a show command: show("interface", "rx-placement")."""
        return self.get("/v1/show/" + "/".join(_segment(word) for word in words), **options)

    def document(self) -> Json:
        """The OpenAPI document."""
        return self.get("/v1/openapi.json")

    def interfaces(self) -> list[Json]:
        """The configuration of all interfaces."""
        return self.get("/v1/interfaces")["interfaces"]

    def interface(self, name: str) -> tuple[Json, str]:
        """An interface's configuration, and its tag for `if_match`."""
        response, body = self._transport.request("GET", f"/v1/interfaces/{_segment(name)}")
        return json.loads(body), response.headers["ETag"]

    def routes(self) -> Iterator[Json]:
        """All static routes, in the order of their prefixes."""
        after: dict[str, str] = {}
        while True:
            page = self.get("/v1/ip/routes", **after)
            yield from page["routes"]
            if "next" not in page:
                return
            after = {"after": page["next"]}

    def neighbors(self) -> list[Json]:
        """Who has which address."""
        return self.get("/v1/ip/neighbors")["neighbours"]

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Waits until every NUMA node forwards."""
        end = time.monotonic() + seconds
        while True:
            health = self.get("/v1/health")
            if health["status"] == "ready":
                return
            if time.monotonic() > end:
                raise TimeoutError(f"not ready in {seconds} s: {health}")
            time.sleep(0.1)

    # ----------------------------------------------------------------------------------------- changing

    def change(
        self, method: str, path: str, body: Any = None, if_match: str | None = None
    ) -> int:
        """Makes any change of the API; gives its number in the journal."""
        headers = {"If-Match": if_match} if if_match else {}
        _, answer = self._transport.request(method, path, body, headers)
        return json.loads(answer)["change"]

    def cli(self, line: str) -> Any:
        """Runs a command; gives its result as JSON."""
        body = {"command": line, "json": True}
        _, answer = self._transport.request("POST", "/v1/cli", body)
        return json.loads(answer).get("result")

    def set_interface(
        self,
        name: str,
        *,
        is_up: bool | None = None,
        mtu: int | None = None,
        mac: str | None = None,
        is_promiscuous: bool | None = None,
        rx_mode: str | None = None,
        handoff_nodes: list[int] | None = None,
        if_match: str | None = None,
    ) -> int:
        """Sets what is given of an interface; the rest stays."""
        handoff = None if handoff_nodes is None else {"nodes": handoff_nodes}
        settings = {
            "isUp": is_up,
            "mtu": mtu,
            "mac": mac,
            "isPromiscuous": is_promiscuous,
            "rxMode": rx_mode,
            "handoff": handoff,
        }
        body = {key: value for key, value in settings.items() if value is not None}
        return self.change("PATCH", f"/v1/interfaces/{_segment(name)}", body, if_match)

    def add_address(self, interface: str, address: str) -> int:
        """Gives an interface an address, as in "10.0.0.1/24"."""
        return self.change("PUT", self._address(interface, address))

    def remove_address(self, interface: str, address: str) -> int:
        """Takes an address away."""
        return self.change("DELETE", self._address(interface, address))

    @staticmethod
    def _address(interface: str, address: str) -> str:
        return f"/v1/interfaces/{_segment(interface)}/addresses/{_segment(address)}"

    def put_route(
        self,
        prefix: str,
        *,
        next_hop: str | None = None,
        interface: str | None = None,
        paths: list[Json] | None = None,
        action: str | None = None,
        if_match: str | None = None,
    ) -> int:
        """Sets where a prefix leads: one path, several, or an action such as "drop"."""
        if next_hop or interface:
            path = {"nextHop": next_hop, "interface": interface}
            paths = [{key: value for key, value in path.items() if value}]
        body = {"paths": paths} if paths else {"action": action}
        return self.change("PUT", f"/v1/ip/routes/{_segment(prefix)}", body, if_match)

    def delete_route(self, prefix: str) -> int:
        """Takes the static route of a prefix away."""
        return self.change("DELETE", f"/v1/ip/routes/{_segment(prefix)}")

    def put_neighbor(self, interface: str, address: str, mac: str) -> int:
        """Says who has an address, for good."""
        path = f"/v1/ip/neighbors/{_segment(interface)}/{_segment(address)}"
        return self.change("PUT", path, {"mac": mac})

    def change_routes(self, lines: Iterable[Json], timeout: float = 120) -> Iterator[Json]:
        """Changes many routes: lines such as {"op": "add", "prefix": P, "paths": [...]}, each with an answer.

        The lines are sent by a thread while the answers are read, so that neither side fills up. A connection that
        breaks raises an error: answers that have come are of lines that are done.
        """
        connection = self._transport.open(
            "POST",
            "/v1/ip/routes:bulk",
            {"Transfer-Encoding": "chunked", "Content-Type": "application/x-ndjson"},
            timeout,
        )
        sender = threading.Thread(target=_send, args=(connection, lines), daemon=True)
        sender.start()
        try:
            response = connection.getresponse()
            if response.status != 200:
                raise ApiError(response.status, json.loads(response.read()))
            for line in response:
                yield json.loads(line)
        finally:
            connection.close()
            sender.join(timeout)

    # ------------------------------------------------------------------------------------------- events

    def events(self, after: str | None = None, patience: float = 60) -> Iterator[Json]:
        """What happens, as it does, for ever.

        A stream that breaks is opened again where it was; the events of another supervisor begin with one of type
        "lost". Events of type "alive", which only say that nothing happened, are left out.

        patience: seconds in which a stream must have been opened again; then the error is raised.
        """
        end = time.monotonic() + patience
        while True:
            query = f"?after={_segment(after)}" if after else ""
            try:
                connection = self._transport.open("GET", f"/v1/events{query}", {}, timeout=20)
                response = connection.getresponse()
                if response.status != 200:
                    raise ApiError(response.status, json.loads(response.read()))
                for line in response:
                    event = json.loads(line)
                    end = time.monotonic() + patience
                    if event["type"] == "alive":
                        continue
                    after = event["id"] or after
                    yield event
            except LOST:
                if time.monotonic() > end:
                    raise
            except ValueError:
                # The last line of a stream that broke.
                pass
            time.sleep(0.05)


def _send(connection: Any, lines: Iterable[Json]) -> None:
    """Sends lines in chunks of many, and their end."""
    try:
        batch: list[bytes] = []
        for line in lines:
            batch.append(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            if len(batch) == 512:
                _chunk(connection, b"".join(batch))
                batch = []
        if batch:
            _chunk(connection, b"".join(batch))
        connection.send(b"0\r\n\r\n")
    except OSError:
        # Whoever reads the answers sees it too.
        return


def _chunk(connection: Any, data: bytes) -> None:
    connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")
