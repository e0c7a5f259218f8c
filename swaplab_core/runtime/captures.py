"""Captures in memory: the newest that fit into a budget of bytes, by the id of their activity row.

They come as they are and are made small when there is time: text shrinks to a tenth, but that takes longer than many a
small request. Nothing of a capture is ever written to disk.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice

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
_RAW_OVERHEAD_BYTES = 2000  # the same, and the headers


@define(eq=False)
class Raw:
    """A capture that is still to be made: one exchange as it was. `req_body` is None when it was not collected."""

    method: str
    req_path: str
    req_headers: Mapping[str, str]
    req_body: bytes | None
    resp_headers: Mapping[str, str]
    measured: Measured
    size: int = field(init=False)
    """About how many bytes of bodies are kept for it."""

    def __attrs_post_init__(self) -> None:
        """Counted once: each capture is weighed four times."""
        self.size = len(self.req_body or b"") + len(self.measured.body or b"")

    def make(self) -> Capture:
        """Redacted, without the bodies not worth keeping."""
        wanted = kept_bodies(self.req_path)
        request = _wanted(self.req_body, if_=Part.REQUEST_BODY in wanted)
        response = _wanted(self.measured.body, if_=Part.RESPONSE_BODY in wanted)
        left_out = Part.NOTHING
        if request is None:
            left_out |= Part.REQUEST_BODY
        if response is None:
            left_out |= Part.RESPONSE_BODY
        undone = frozenset({"content-encoding"}) if self.measured.is_decoded else frozenset()
        return Capture(
            method=self.method,
            req_path=storable(self.req_path),
            req_headers=_headers(self.req_headers, frozenset()),
            req_body=request or b"",
            resp_headers=_headers(self.resp_headers, undone),
            resp_body=response or b"",
            left_out=left_out,
        )

    def pack(self) -> bytes:
        """Make it, and make it small."""
        return pack(self.make())


@define(eq=False)
class CaptureCache:
    """Drops the oldest when the budget is spent. What is larger than the budget alone is not taken.

    `budget_bytes` 0 switches it off. Plain dictionaries: use it on the event loop only.
    """

    budget_bytes: int
    size: int = field(default=0, init=False)
    _kept: OrderedDict[int, bytes | Raw] = field(factory=OrderedDict, init=False)
    _raw: dict[int, Raw] = field(factory=dict, init=False)

    @property
    def body_limit(self) -> int:
        """The largest body worth collecting; 0 when nothing is kept."""
        return min(MAX_BODY_BYTES, self.budget_bytes * 10)  # text shrinks to a tenth

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, row_id: int, capture: bytes | Raw) -> bool:
        """Keep a capture, or what `pack` made of one; False when it is too large."""
        cost = _cost(capture)
        if row_id in self._kept:
            self.discard(row_id)
        if cost > self.budget_bytes:
            return False
        self._kept[row_id] = capture
        if isinstance(capture, Raw):
            self._raw[row_id] = capture
        self.size += cost
        if self.size > self.budget_bytes:
            self._drop_oldest()
        return True

    def oldest_raw(self, most: int) -> dict[int, Raw]:
        """Those that are to be packed next; what comes of it goes to `replace`."""
        return dict(islice(self._raw.items(), most))

    def replace(self, row_id: int, packed: bytes) -> None:
        """Keep this instead of the raw one, if that is still kept."""
        raw = self._raw.pop(row_id, None)
        if raw is not None:
            self._kept[row_id] = packed
            self.size += _cost(packed) - _cost(raw)
            self._drop_oldest()

    def get(self, row_id: int) -> bytes | Raw | None:
        """The capture of a row."""
        return self._kept.get(row_id)

    def newest(self, most: int) -> tuple[int, ...]:
        """The ids of the newest."""
        return tuple(islice(reversed(self._kept), most))

    def discard(self, row_id: int) -> None:
        """Forget one."""
        if (capture := self._kept.pop(row_id, None)) is not None:
            self._raw.pop(row_id, None)
            self.size -= _cost(capture)

    def resize(self, budget_bytes: int) -> None:
        """Follow another configuration."""
        self.budget_bytes = budget_bytes
        self._drop_oldest()

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._raw.clear()
        self.size = 0

    def _drop_oldest(self) -> None:
        while self.size > self.budget_bytes:
            self.discard(next(iter(self._kept)))


def _cost(capture: bytes | Raw) -> int:
    return capture.size + _RAW_OVERHEAD_BYTES if isinstance(capture, Raw) else len(capture) + _OVERHEAD_BYTES


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
