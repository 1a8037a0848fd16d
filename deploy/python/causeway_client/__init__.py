# SPDX-License-Identifier: Apache-2.0
"""Client of Causeway's control API, with nothing but Python's own library.

    with Causeway() as router:
        router.set_interface("tap0", is_up=True)
        router.put_route("10.0.0.0/8", next_hop="10.1.0.2")
"""

from .client import Causeway
from .errors import ApiError, NoReply
from .transport import DEFAULT_SOCKET

__all__ = ["ApiError", "Causeway", "DEFAULT_SOCKET", "NoReply"]
