# SPDX-License-Identifier: Apache-2.0
"""HTTP over a unix socket, and requests that are sent again until they are answered."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
import uuid
from typing import Any

from .errors import ApiError, NoReply

DEFAULT_SOCKET = "/run/causeway/api.sock"

#: What says that a connection is no good, not that the request is not.
LOST = (OSError, http.client.HTTPException)


class UnixConnection(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("causeway", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Transport:
    """Sends requests over one connection, which is opened anew when it breaks.

    patience: seconds in which a request must be answered, by however many supervisors. Every request may be sent
    again: one that changes something has a key, by which a supervisor, the next one too, knows it.
    """

    def __init__(self, path: str, patience: float) -> None:
        self.path = path
        self.patience = patience
        self._connection: UnixConnection | None = None

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Sends a request until it is answered; gives the answer's head and body.

        Raises ApiError if the answer is that it was not done, NoReply if there is none.
        """
        sent = {"X-Request-Id": uuid.uuid4().hex, **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        if method != "GET":
            sent.setdefault("Idempotency-Key", uuid.uuid4().hex)
        end = time.monotonic() + self.patience
        while True:
            try:
                response, answer = self._exchange(method, path, data, sent)
            except LOST as error:
                self.close()
                if time.monotonic() > end:
                    raise NoReply(f"{method} {path}: {error!r} for {self.patience} s") from error
                time.sleep(0.05)
                continue
            if response.status in (429, 503) and time.monotonic() < end:
                time.sleep(0.2)
                continue
            if response.status >= 400:
                raise ApiError(response.status, _problem(answer))
            return response, answer

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            self._connection = UnixConnection(self.path, timeout=self.patience)
        self._connection.request(method, path, body=data, headers=headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.will_close:
            self.close()
        return response, answer

    def open(
        self, method: str, path: str, headers: dict[str, str], timeout: float
    ) -> UnixConnection:
        """Begins a request with a connection of its own, whose body and answer are streams."""
        if not os.path.exists(self.path):
            raise FileNotFoundError(self.path)
        connection = UnixConnection(self.path, timeout=timeout)
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection


def _problem(answer: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(answer)
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"detail": answer.decode(errors="replace")}
