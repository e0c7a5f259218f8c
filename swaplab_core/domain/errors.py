"""The exception tree. h11's question first: whose fault is it?

```
SwaplabError(message, *, code, advice="")     code = stable kebab-case, listed in docs/reference/errors.md
├── ClientError          the request is wrong
│   ├── InvalidRequest   400   ├── UnknownModel 404   ├── TooLarge 413
│   │   └── InvalidForm  422
│   ├── UnknownCapture   404   ├── Conflict 409   ├── Stale 412
│   └── TooManyRequests  429
│       └── RateLimited  429
├── ConfigError          the file is wrong; carries every Problem
├── UpstreamError        the engine is at fault
│   ├── StartFailed      502   it did not come up; the message holds its last log lines
│   ├── UpstreamDied     502   it was there and is gone
│   └── UpstreamTimeout  504   it accepted the request and never answered
├── PluginError          a plugin is at fault; the message names it
│   ├── UnknownDriver          └── PluginFailed
├── NodeError            502   a machine cannot be reached, or a command on it failed; the message names it
├── FileFailed           500   a file cannot be read or written; the message names it
├── StoreFailed          500   the activity cannot be written or read
├── Drained              503   a model or its machine takes no new requests for now
├── Unloaded             503   a person unloaded the model while the request waited
└── ShuttingDown         503   the daemon is going
```

Engine and config never raise for expected outcomes: they return `Refuse` effects and `Problem`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from swaplab_core.domain.problem import Problem


class SwaplabError(Exception):
    """Base of all errors that swaplab shows to a person.

    `message` says what happened, `advice` what to do, `code` is stable and kebab-case. Of a refused request,
    `queue_position` is the place it had (or would have had) and `retry_after_seconds` when another try makes sense.
    """

    code: ClassVar[str] = "internal-error"
    queue_position: int | None = None
    retry_after_seconds: int | None = None

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        """Message and advice as one text."""
        return f"{self.message} ({self.advice})" if self.advice else self.message


class ClientError(SwaplabError):
    """The request cannot be served as it is."""

    code = "invalid-request"


class InvalidRequest(ClientError):
    """Malformed JSON, no model named, a wrong field."""


class InvalidForm(InvalidRequest):
    """Fields of a form are wrong; `fields` are pairs of a JSON pointer and what is wrong there."""

    code = "invalid-form"

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        super().__init__("; ".join(f"{path.lstrip('/') or 'the form'}: {message}" for path, message in self.fields))


class UnknownModel(ClientError):
    """No model of that name is configured."""

    code = "unknown-model"


class UnknownCapture(ClientError):
    """There is no capture of that number: never made, or dropped for newer ones."""

    code = "unknown-capture"


class NotThere(ClientError):
    """What the request is about (a job, a request in flight, a capture) is not there, or no longer."""

    code = "not-there"


class TooLarge(ClientError):
    """The body is larger than the server reads."""

    code = "body-too-large"


class Conflict(ClientError):
    """The request does not fit the present state."""

    code = "conflict"


class Stale(ClientError):
    """Somebody else has changed it meanwhile: what the request was based on is not the present state."""

    code = "stale"


class TooManyRequests(ClientError):
    """The model's concurrency limit is reached, waiting requests included."""

    code = "too-many-requests"


class RateLimited(TooManyRequests):
    """The client asks more often than the operator lets anybody."""

    code = "rate-limited"


class ConfigError(SwaplabError):
    """The configuration cannot be used; carries all problems, not only the first."""

    code = "invalid-config"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UpstreamError(SwaplabError):
    """The engine behind a model is at fault."""

    code = "upstream-error"


class StartFailed(UpstreamError):
    """The engine did not come up."""

    code = "start-failed"


class UpstreamDied(UpstreamError):
    """The engine went away while it was needed."""

    code = "upstream-died"


class UpstreamTimeout(UpstreamError):
    """The engine, or a peer, did not answer within the configured time."""

    code = "upstream-timeout"


class NodeError(SwaplabError):
    """A machine cannot be reached, or a command on it failed; the message names it."""

    code = "node-error"


class FileFailed(SwaplabError):
    """A file of the operator's cannot be read or written; the message names it."""

    code = "file-failed"


class PluginError(SwaplabError):
    """A plugin is at fault; the message names it."""

    code = "plugin-error"


class UnknownDriver(PluginError):
    """Nothing installed offers a driver of that name."""

    code = "unknown-driver"


class PluginFailed(PluginError):
    """A plugin raised where its contract forbids it."""

    code = "plugin-failed"


class StoreFailed(SwaplabError):
    """The database of the activity cannot be opened, written or read."""

    code = "store-failed"


class Unloaded(SwaplabError):
    """The model was unloaded, or removed from the configuration, while the request waited."""

    code = "model-unloaded"


class Drained(SwaplabError):
    """The model takes no new requests for now: it, or the machine that it runs on, is being drained."""

    code = "drained"


class ShuttingDown(SwaplabError):
    """The daemon no longer takes requests."""

    code = "shutting-down"
    retry_after_seconds = 10
