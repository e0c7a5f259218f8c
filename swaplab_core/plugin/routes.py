"""HTTP routes of a plugin: what it declares (`Route`), what its handler gets (`Call`, `Gateway`) and answers (`Reply`).

A handler is a plain async function of values. It meets no web framework, and it opens no connection: whatever the
server itself can answer, it asks through the gateway. The server mounts the routes, checks their policy, and moves the
bytes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, Self

import orjson
from attrs import Attribute, field, frozen
from attrs.validators import ge, instance_of, is_callable, le

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PATH = re.compile(r"(/([A-Za-z0-9_.~-]+|\{[a-z_]+\}))*(/|/\{[a-z_]+:path\})?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = "/api/plugins/"


def _check_headers(_: object, __: Attribute[Any], headers: Mapping[object, object]) -> None:
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(f"the header {name!r}: {value!r} is no text")
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"the header {name!r}: {value!r} cannot be sent")


@frozen
class Call:
    """One request.

    `match` holds what the placeholders of the path matched, `headers` ignore case, `body` is all of it.
    """

    method: str
    path: str
    match: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Decode the body, which must be a JSON object, whatever its content type. Raises InvalidRequest."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"the body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise InvalidRequest("the body must be a JSON object")
        return value


@frozen
class Reply:
    """The answer. A `body` that is an iterator is sent piece by piece, each as soon as it is there.

    The status is sent with the first piece, so an iterator that raises before it still becomes a clean error; one that
    raises later cuts the connection. Headers about framing (`Content-Length` and the like) are the server's, and left
    out.
    """

    status: int = field(default=200, validator=[instance_of(int), ge(200), le(599)])
    headers: Mapping[str, str] = field(factory=dict, validator=_check_headers)
    body: bytes | AsyncIterator[bytes] = field(default=b"", validator=instance_of((bytes, AsyncIterator)))

    @classmethod
    def of_json(cls, value: object, status: int = 200) -> Self:
        """Answer with JSON."""
        return cls(status, {"Content-Type": "application/json"}, orjson.dumps(value))


@frozen
class GatewayResponse:
    """What the server answered: its head has come, `body` gives the rest in pieces as they come.

    Iterating raises UpstreamDied when the answer breaks off. It is closed when the call that asked ends.
    """

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """Wait for the whole body."""
        return b"".join([piece async for piece in self.body])


class Gateway(Protocol):
    """The routes of this very server, asked with the credentials of whoever called the plugin's route."""

    async def request(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> GatewayResponse:
        """Ask for `path` (percent-encoded, query included); `json` None sends no body.

        Every status is an answer. Raises UpstreamError when none came.
        """
        ...


Handler = Callable[[Call, Gateway], Awaitable[Reply]]


def _check_method(_: object, __: Attribute[Any], method: object) -> None:
    if method not in METHODS:
        raise ValueError(f"method {method!r} is none of {', '.join(METHODS)}")


def _check_policy(_: object, __: Attribute[Any], policy: object) -> None:
    if not isinstance(policy, Policy):
        raise TypeError(f"policy {policy!r} is none of swaplab_core.plugin.Policy")


def _check_path(_: object, attribute: Attribute[Any], path: object) -> None:
    if not (isinstance(path, str) and path.startswith("/") and _PATH.fullmatch(path)):
        raise ValueError(
            f"{attribute.name} {path!r} is no path of a route: write it like /word/{{placeholder}}, "
            "with {rest:path} at the end for whatever follows"
        )


def _check_public_path(route: object, attribute: Attribute[Any], path: str | None) -> None:
    if path is None:
        return
    _check_path(route, attribute, path)
    if path == "/" or path.startswith(("/{", _OURS)):
        raise ValueError(f"public_path {path!r} must begin with a word of its own, and not with {_OURS}")


@frozen(kw_only=True)
class Route:
    """One route, mounted at `/api/plugins/<plugin>` + `path`, and at `public_path` too when it has one.

    In a path `{name}` stands for one segment, `{name:path}` at its end for all the rest. A GET answers HEAD as well.
    Raises TypeError when it states no policy, ValueError when something in it makes no sense.
    """

    method: str = field(validator=_check_method)
    path: str = field(validator=_check_path)
    policy: Policy = field(validator=_check_policy)
    handler: Handler = field(validator=is_callable())
    public_path: str | None = field(default=None, validator=_check_public_path)
