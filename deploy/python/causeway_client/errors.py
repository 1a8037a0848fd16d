# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a request."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """The supervisor answered that it has not done a request (RFC 9457).

    status, kind and detail say why; request_id stands in the supervisor's log; change is the number of the last
    change, where the supervisor says it.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        error = problem.get("error", {})
        self.status = status
        self.kind: str = error.get("kind", "")
        self.detail: str = problem.get("detail", "")
        self.request_id: str = problem.get("requestId", "")
        self.change: int | None = problem.get("change")
        super().__init__(f"{status} {self.kind}: {self.detail} (request {self.request_id})")


class NoReply(Exception):
    """Nobody answered, in all the time that the client was given."""
