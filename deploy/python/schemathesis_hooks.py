# SPDX-License-Identifier: Apache-2.0
"""What schemathesis cannot do by itself: bodies of JSON lines."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context: schemathesis.SerializationContext, value: object) -> bytes:
    """Writes the elements of an array one a line; what is none is a line."""
    del context
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    elements = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(element).encode() + b"\n" for element in elements)
