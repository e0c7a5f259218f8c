"""What is remembered of each request, and how that is asked for. Values only: the store is an adapter's business."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from attrs import Factory, frozen

from swaplab_core.domain.histogram import Histogram
from swaplab_core.domain.metering import Usage

SESSION_KEY = "session_id"
"""The metadata key that tells sessions apart; rows can be asked for by it."""

MAX_PAGE_SIZE = 999

_UNTOLD = Usage()


@frozen
class ActivityRow:
    """One finished request, whatever its outcome. `id` is 0 until the store has given one; ids are never used twice.

    `created` is the unix time in seconds at which it ended. `model` is the configured id (of a peer's: the name that
    was asked for), `req_path` the path without a prefix of ours. Times are in milliseconds: `duration_ms` from the
    request's arrival to its end, `ttft_ms` from its arrival to the first token, `wait_ms` the part of both before an
    upstream was given the request (queue and load), `itl_ms` and `itl_p95_ms` between tokens. None: not known. `client`
    is who asked: the address, and the program's name for itself where it told one.
    """

    created: int
    model: str
    req_path: str
    status: int
    content_type: str = ""
    tokens: Usage = _UNTOLD
    duration_ms: int = 0
    ttft_ms: float | None = None
    wait_ms: float | None = None
    itl_ms: float | None = None
    itl_p95_ms: float | None = None
    error_msg: str = ""
    metadata: Mapping[str, str] = Factory(dict)
    id: int = 0
    client: str = ""

    @property
    def session(self) -> str:
        """The session it belongs to; "" when it told none."""
        return self.metadata.get(SESSION_KEY, "")


@frozen
class ActivityFilter:
    """Which rows are meant; what is unset or empty does not narrow. Bounds are inclusive.

    `start` and `end` are unix seconds, `statuses` ranges of status codes of which one must fit. `text` is looked for
    in model, path, error and metadata, upper and lower case alike. `min_ms` is the least duration. `ids` are those
    rows and no others. `captured` wants rows whose exchange can still be looked at: whoever knows the captures turns
    it into `ids` for the store.
    """

    models: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    min_id: int | None = None
    max_id: int | None = None
    statuses: tuple[tuple[int, int], ...] = ()
    session: str = ""
    text: str = ""
    client: str = ""
    path: str = ""
    min_ms: int | None = None
    captured: bool = False
    ids: tuple[int, ...] | None = None


class GroupKey(enum.Enum):
    """What rows can be gathered by; the values are the names on the wire."""

    SESSION = "session"
    CLIENT = "client"
    MODEL = "model"
    PATH = "path"
    STATUS = "status"
    ERROR = "error"


@frozen
class ActivityGroup:
    """The rows that have one `key` in common: sums, and times in milliseconds. `first` and `last` are unix seconds."""

    key: str
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    mean_ms: float
    longest_ms: int
    first: int
    last: int


class Measure(enum.Enum):
    """Which time of a request is meant; the values are the names on the wire."""

    DURATION = "duration"
    TTFT = "ttft"
    WAIT = "wait"


LATENCY_EDGES_MS = (0, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
"""Where the rows of a heat map begin; the last one has no end."""
HEAT_COLUMNS = 60
_WIDTHS = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 12 * 3600, 86_400)


@frozen
class Heat:
    """How many requests took how long, and when: `cells` are (column, row, count), for those that hold any.

    Column n begins at `start` + n * `width` unix seconds, row n at `LATENCY_EDGES_MS[n]`.
    """

    start: int = 0
    width: int = 1
    columns: int = 0
    cells: tuple[tuple[int, int, int], ...] = ()


def heat_width(seconds: int) -> int:
    """How wide a column must be for this span: a round number of seconds, or of days."""
    least = seconds // HEAT_COLUMNS + 1
    return next((width for width in _WIDTHS if width >= least), -(-least // 86_400) * 86_400)


class SortKey(enum.Enum):
    """What rows can be sorted by; the values are the names on the wire."""

    ID = "id"
    TIME = "time"
    MODEL = "model"
    REQ_PATH = "req_path"
    STATUS = "resp_status_code"
    CONTENT_TYPE = "resp_content_type"
    CACHED = "cached"
    PROMPT = "prompt"
    GENERATED = "generated"
    DRAFTED = "drafted"
    PROMPT_SPEED = "prompt_speed"
    GEN_SPEED = "gen_speed"
    DURATION = "duration"
    TTFT = "ttft"
    WAIT = "wait"


@frozen
class ActivityQuery:
    """One page of rows, sorted; rows that are alike in the sort key go by id, in the same direction."""

    where: ActivityFilter = ActivityFilter()
    sort: SortKey = SortKey.ID
    ascending: bool = False
    page: int = 1
    limit: int = 25


@frozen
class ActivityPage:
    """The rows of one page, and how many there are on all pages."""

    rows: tuple[ActivityRow, ...]
    total: int


@frozen
class ActivityStats:
    """Sums over rows; what an engine did not tell counts as nothing. Speeds are tokens per second."""

    requests: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    prompt_speeds: Histogram | None
    output_speeds: Histogram | None


@frozen
class Retention:
    """How much is kept: so many of the newest rows, and none older than `max_age_seconds`. None: no limit."""

    max_rows: int | None = None
    max_age_seconds: float | None = None
