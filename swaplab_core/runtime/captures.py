"""Captures in memory: the newest that fit into a budget of bytes, compressed, by the id of their activity row.

Nothing of a capture is ever written to disk.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping

import orjson
from attrs import define, field

from swaplab_core.domain.capture import Capture, Part, kept_bodies
from swaplab_core.domain.text import storable
from swaplab_core.runtime.inflight import redacted
from swaplab_core.runtime.metering import Measured

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 2**20
MAX_BODY_BYTES = 4 * MIB
"""A larger body is left out; the rest of the capture is kept."""
_LEVEL = 3
_OVERHEAD_BYTES = 200  # what Python needs for an entry beside its bytes


@define(eq=False)
class CaptureCache:
    """Drops the oldest when the budget is spent. What is larger than the budget alone is not taken.

    `budget_bytes` 0 switches it off. A plain dictionary: use it on the event loop only.
    """

    budget_bytes: int
    size: int = field(default=0, init=False)
    _packed: OrderedDict[int, bytes] = field(factory=OrderedDict, init=False)

    @property
    def body_limit(self) -> int:
        """The largest body worth collecting; 0 when nothing is kept."""
        return min(MAX_BODY_BYTES, self.budget_bytes * 10)  # text shrinks to a tenth

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._packed

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, row_id: int, packed: bytes) -> bool:
        """Keep what `pack` made; False when it is too large."""
        self.discard(row_id)
        if _cost(packed) > self.budget_bytes:
            return False
        self._packed[row_id] = packed
        self.size += _cost(packed)
        self._drop_oldest()
        return True

    def get(self, row_id: int) -> bytes | None:
        """The packed capture of a row."""
        return self._packed.get(row_id)

    def discard(self, row_id: int) -> None:
        """Forget one."""
        if (packed := self._packed.pop(row_id, None)) is not None:
            self.size -= _cost(packed)

    def resize(self, budget_bytes: int) -> None:
        """Follow another configuration."""
        self.budget_bytes = budget_bytes
        self._drop_oldest()

    def clear(self) -> None:
        """Forget all."""
        self._packed.clear()
        self.size = 0

    def _drop_oldest(self) -> None:
        while self.size > self.budget_bytes:
            self.discard(next(iter(self._packed)))


def _cost(packed: bytes) -> int:
    return len(packed) + _OVERHEAD_BYTES


def make_capture(
    *,
    method: str,
    req_path: str,
    req_headers: Mapping[str, str],
    req_body: bytes | None,
    resp_headers: Mapping[str, str],
    measured: Measured,
) -> Capture:
    """Make a capture of one exchange: redacted, without the bodies not worth keeping.

    `req_body` is None when it was not collected.
    """
    wanted = kept_bodies(req_path)
    request = _wanted(req_body, if_=Part.REQUEST_BODY in wanted)
    response = _wanted(measured.body, if_=Part.RESPONSE_BODY in wanted)
    left_out = Part.NOTHING
    if request is None:
        left_out |= Part.REQUEST_BODY
    if response is None:
        left_out |= Part.RESPONSE_BODY
    undone = frozenset({"content-encoding"}) if measured.is_decoded else frozenset()
    return Capture(
        method=method,
        req_path=storable(req_path),
        req_headers=_headers(req_headers, frozenset()),
        req_body=request or b"",
        resp_headers=_headers(resp_headers, undone),
        resp_body=response or b"",
        left_out=left_out,
    )


def _wanted(body: bytes | None, *, if_: bool) -> bytes | None:
    return body if if_ and body is not None and len(body) <= MAX_BODY_BYTES else None


def _headers(headers: Mapping[str, str], drop: frozenset[str]) -> dict[str, str]:
    return {storable(name): storable(value) for name, value in redacted(headers).items() if name.lower() not in drop}


def pack(made: Capture) -> bytes:
    """Compress: a line of JSON, then both bodies. A large one takes milliseconds, so call it in a thread."""
    head = {
        "method": made.method,
        "req_path": made.req_path,
        "req_headers": dict(made.req_headers),
        "resp_headers": dict(made.resp_headers),
        "left_out": made.left_out.value,
        "req_size": len(made.req_body),
    }
    return zstd.compress(orjson.dumps(head) + b"\n" + made.req_body + made.resp_body, level=_LEVEL)


def unpack(packed: bytes) -> Capture:
    """Undo `pack`."""
    line, _, bodies = zstd.decompress(packed).partition(b"\n")
    head = orjson.loads(line)
    size = head.pop("req_size")
    head["left_out"] = Part(head["left_out"])
    return Capture(**head, req_body=bodies[:size], resp_body=bodies[size:])
