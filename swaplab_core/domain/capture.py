"""A request and its response as they were, for looking at them later; and what of them may be kept."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

from attrs import Factory, frozen


class Part(enum.Flag):
    """Parts of a capture. Headers are always kept."""

    NOTHING = 0
    REQUEST_BODY = enum.auto()
    RESPONSE_BODY = enum.auto()
    BODIES = REQUEST_BODY | RESPONSE_BODY


@frozen
class Capture:
    """One exchange. Headers are redacted, bodies decoded: `resp_headers` names no coding that has been undone.

    `left_out` says which bodies were not kept, because they are media or too large; they are empty here.
    """

    method: str
    req_path: str
    req_headers: Mapping[str, str] = Factory(dict)
    req_body: bytes = b""
    resp_headers: Mapping[str, str] = Factory(dict)
    resp_body: bytes = b""
    left_out: Part = Part.NOTHING


_API_VERSION = re.compile(r"^/(?:v1|v)/(?=audio/|images/)")
_KEPT = {
    "audio/speech": Part.REQUEST_BODY,
    "audio/voices": Part.RESPONSE_BODY,
    "audio/transcriptions": Part.RESPONSE_BODY,
    "images/generations": Part.REQUEST_BODY,
    "images/edits": Part.NOTHING,
    "/sdapi/v1/txt2img": Part.REQUEST_BODY,
    "/sdapi/v1/img2img": Part.NOTHING,
}


def kept_bodies(req_path: str) -> Part:
    """Which bodies of a request to this path (without a prefix of ours) are worth keeping: sound and images are not."""
    path = req_path.partition("?")[0]
    return _KEPT.get(_API_VERSION.sub("", path), Part.BODIES)
