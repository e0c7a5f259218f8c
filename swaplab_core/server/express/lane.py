"""Who was let in lately, and what was learned of them; whether a model may be used at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web
from attrs import define, field
from multidict import CIMultiDict

from swaplab_core.adapters.destination import Destination, upstream_destination
from swaplab_core.adapters.relay import Call, Mould, Relay, Way, head_bytes, request_headers
from swaplab_core.domain.errors import UnknownDriver
from swaplab_core.domain.ids import ModelId
from swaplab_core.routing.names import Local
from swaplab_core.runtime.decoding import readable_encodings
from swaplab_core.runtime.dispatcher import Dispatcher, Lease
from swaplab_core.runtime.inflight import redacted
from swaplab_core.runtime.metering import UsageReader
from swaplab_core.server.express.answer import DateLine, KnownAnswers
from swaplab_core.server.inference.access_log import AccessLog, Asked, client_address
from swaplab_core.server.inference.observation import Observer, client_name
from swaplab_core.server.inference.served_paths import POSTED, upstream_path
from swaplab_core.services.models.request_router import RequestRoute, RequestRouter

FRESH_SECONDS = 2.0
"""So long is remembered what the long way decided. Whatever changes there, here it is followed within this time."""
MOST_REMEMBERED = 4096
MOST_BODY_BYTES = 2**20
_PATHS = frozenset(POSTED)


@define(eq=False)
class Admitted:
    """A head that was let in, and everything that follows from it for each request that has it. It is good until
    `until`, and the first request from `renewed_at` on takes the long way to make it good again.

    `upstream` is what the engine is sent, up to the length of the body. `headers` are those of the request without the
    length, `shown` the same for people, `asker` is who asked, for rows, `logged` the same and what, for the log.
    """

    mould: Mould
    until: float
    renewed_at: float
    rules: object
    headers: CIMultiDict[str]
    upstream: bytes
    path: str
    shown: Mapping[str, str]
    client: str
    logged: Asked
    asker: str
    metadata: dict[str, Mapping[str, str]] = field(factory=dict)


@define(eq=False)
class Road:
    """To the engine that serves a model at present."""

    destination: Destination
    way: Way


@define(eq=False)
class Plan:
    """How requests for one name are served, as long as `names` are in force.

    `edit` is None where a body stays as it is.
    """

    names: object
    route: RequestRoute
    model: ModelId
    read: UsageReader
    edit: Callable[[bytes], bytes] | None
    road: Road | None = None


@define(eq=False)
class Passable:
    """A request that may pass, with the lease it holds: whoever gets this must release it."""

    admitted: Admitted
    plan: Plan
    road: Road
    lease: Lease
    body: bytes


@define(eq=False)
class Lane:
    """`rules` answers who decides at present who may do what: another object whenever that changes."""

    routes: RequestRouter
    dispatcher: Dispatcher
    relay: Relay
    observer: Observer
    access_log: AccessLog
    rules: Callable[[], object]
    most_body_bytes: int = MOST_BODY_BYTES
    date: DateLine = field(factory=DateLine, init=False)
    answers: KnownAnswers = field(factory=KnownAnswers, init=False)
    _admitted: dict[tuple[bytes, str], Admitted] = field(factory=dict, init=False)
    _plans: dict[str, Plan] = field(factory=dict, init=False)

    def admitted(self, key: bytes, peer: str) -> Admitted | None:
        """What is known of requests with this head from this address; None when nothing fresh is."""
        found = self._admitted.get((key, peer))
        if found is None or found.rules is not self.rules():
            return None
        now = time.monotonic()
        if now >= found.renewed_at:
            found.renewed_at = found.until  # this one asks again; the others need not, as long as it is fresh
            return None
        return found if now < found.until else None

    def learn(self, key: bytes, peer: str, request: web.Request) -> None:
        """A plain request was let in on the long way."""
        if request.path not in _PATHS:
            return
        if len(self._admitted) >= MOST_REMEMBERED:
            self._admitted.clear()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        shown, client = redacted(headers), client_address(request)
        path, now = upstream_path(request.raw_path), time.monotonic()
        self._admitted[key, peer] = Admitted(
            Mould.of(key),
            now + FRESH_SECONDS,
            now + FRESH_SECONDS / 2,
            self.rules(),
            CIMultiDict(headers),
            _upstream_head(request, path),
            path,
            shown,
            client,
            Asked(client, "POST", request.path_qs, request.headers.get("User-Agent", "-")),
            client_name(client, shown),
        )

    def may_pass(self, admitted: Admitted, body: bytes) -> Passable | None:
        """Take a lease if the request is fit for it; None: the long way shall see to it, and nothing has happened."""
        plan = self._plan(body)
        if plan is None:
            return None
        lease = self.dispatcher.seize(plan.model)
        if lease is None:
            return None
        road = plan.road
        if road is None or road.destination.base_url != lease.base_url:
            road = plan.road = self._new_road(plan, lease)
            if road is None:
                self.dispatcher.release(lease)
                return None
        return Passable(admitted, plan, road, lease, body if plan.edit is None else plan.edit(body))

    def metadata(self, passable: Passable) -> Mapping[str, str]:
        """What is remembered of the request beside what is measured."""
        known, plan = passable.admitted.metadata, passable.plan
        told = known.get(plan.model)
        if told is None:
            told = known[plan.model] = self.observer.metadata(passable.admitted.headers, plan.route.target)
        return told

    def _plan(self, body: bytes) -> Plan | None:
        try:
            asked: Any = orjson.loads(body)
            name = asked["model"]
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return None
        if not isinstance(name, str) or self.routes.profiles.active is not None:
            return None
        plan = self._plans.get(name)
        return plan if plan is not None and plan.names is self.routes.names else self._new_plan(name)

    def _new_plan(self, name: str) -> Plan | None:
        route = self.routes.plain(name)
        if route is None or not isinstance(route.target, Local):
            return None
        try:
            read = self.observer.reader(route.target)
        except UnknownDriver:  # switched off: the long way says so
            return None
        if len(self._plans) >= MOST_REMEMBERED:
            self._plans.clear()
        model, edit = route.target.model.id, route.edit if route.edits else None
        plan = Plan(self.routes.names, route, model, read, edit)
        self._plans[name] = plan
        return plan

    def _new_road(self, plan: Plan, lease: Lease) -> Road | None:
        destination = self._destination(plan, lease)
        way = self.relay.way(destination)
        if way is None or way.prefix or destination.response_header_seconds:
            return None
        return Road(destination, way)

    def _destination(self, plan: Plan, lease: Lease) -> Destination:
        target = plan.route.target
        assert isinstance(target, Local)
        return upstream_destination(plan.model, lease.base_url, target.model.timeouts)


def _upstream_head(request: web.Request, path: str) -> bytes:
    """What the engine would be sent on the long way, up to the length."""
    headers = request_headers(request, Destination("", ""), replaced_body=True)
    if "Accept-Encoding" in headers:
        headers["Accept-Encoding"] = readable_encodings(headers["Accept-Encoding"])
    headers["Content-Length"] = ""
    return head_bytes(Call("POST", path, headers, b""), "", "").removesuffix(b"\r\n\r\n")
