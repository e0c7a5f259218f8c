"""A gateway that answers from a script: for testing the handlers of a plugin's routes without a server."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping

import orjson
from attrs import define, field, frozen
from multidict import CIMultiDict

from swaplab_core.domain.errors import UpstreamDied
from swaplab_core.plugin.routes import GatewayResponse

JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}


@frozen
class Answer:
    """One answer of the script. `breaks_off`: it ends after its pieces, but not well."""

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    pieces: tuple[bytes, ...] = ()
    breaks_off: bool = False


@frozen
class Asked:
    """One request that came."""

    method: str
    path: str
    json: object
    headers: Mapping[str, str]


def json_answer(value: object, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, JSON, (orjson.dumps(value),))


def error_answer(status: int, message: str, code: str) -> Answer:
    """Answer with an error as the server writes it."""
    return json_answer({"error": {"message": message, "type": "", "param": None, "code": code}}, status)


def event_answer(*events: object, breaks_off: bool = False) -> Answer:
    """Answer with a stream, a piece for each event; texts are sent as they are, everything else as JSON."""
    data = [event.encode() if isinstance(event, str) else orjson.dumps(event) for event in events]
    return Answer(200, EVENTS, tuple(b"data: " + text + b"\n\n" for text in data), breaks_off=breaks_off)


@define(eq=False)
class FakeGateway:
    """Satisfies `Gateway`. `asked` keeps every request; what is not in the script is answered with 404."""

    asked: list[Asked] = field(factory=list, init=False)
    _script: dict[tuple[str, str], deque[Answer]] = field(factory=dict, init=False)

    def script(self, method: str, path: str, *answers: Answer) -> None:
        """Answer requests for this with the next of these each, and with the last one from then on."""
        self._script[method, path] = deque(answers)

    async def request(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> GatewayResponse:
        """Answer as the script says; see `Gateway`."""
        self.asked.append(Asked(method, path, json, dict(headers or {})))
        answer = self._next((method, path))
        return GatewayResponse(
            answer.status, CIMultiDict(answer.headers), _body(answer.pieces, breaks_off=answer.breaks_off)
        )

    def _next(self, wanted: tuple[str, str]) -> Answer:
        answers = self._script.get(wanted)
        if not answers:
            return error_answer(404, f"nothing is served at {wanted[1]}", "not-found")
        return answers.popleft() if len(answers) > 1 else answers[0]


async def _body(pieces: Iterable[bytes], *, breaks_off: bool) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if breaks_off:
        raise UpstreamDied("the answer broke off")
