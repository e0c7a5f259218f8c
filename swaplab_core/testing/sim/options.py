"""Everything a simulated engine can be told, defined once: the command line and its help are made from this class."""

from __future__ import annotations

import argparse
import enum
import re
from collections.abc import Callable
from typing import Any

from attrs import field, frozen

DEFAULT_SAY = "Hello from swaplab-sim, an engine that only pretends to think."


class LoadStyle(enum.Enum):
    """Whose progress lines are printed while loading."""

    GENERIC = "generic"
    LLAMACPP = "llamacpp"
    VLLM = "vllm"
    CARRIAGE = "carriage"


class MetricsStyle(enum.Enum):
    """Whose names `/metrics` uses."""

    VLLM = "vllm"
    LLAMACPP = "llamacpp"


class TimingsStyle(enum.Enum):
    """What a reply says about speed: llama.cpp's `timings`, vLLM's `metrics`, or nothing."""

    LLAMACPP = "llamacpp"
    VLLM = "vllm"
    NONE = "none"


@frozen
class LoadStage:
    """One part of a load: a short word and how long it takes."""

    name: str
    seconds: float


def parse_stage(text: str) -> LoadStage:
    """Read `NAME:SECONDS`. Raises ArgumentTypeError."""
    match = re.fullmatch(r"(.+):(\d+(?:\.\d+)?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:SECONDS, for example weights:2.5")
    return LoadStage(match[1], float(match[2]))


def option(
    default: object,
    help_text: str,
    *,
    group: str,
    parse: Callable[[str], object] = str,
    metavar: str | None = None,
    bare: object = None,
    repeatable: bool = False,
) -> Any:
    """Declare one option. `bare` is the value of the flag without an argument; a False default makes a plain flag."""
    metadata = {
        "help": help_text,
        "group": group,
        "parse": parse,
        "metavar": metavar,
        "bare": bare,
        "repeatable": repeatable,
    }
    return field(default=default, metadata=metadata)


SERVER, SPEECH, LOAD, MEMORY, SLEEP, FAILURES = "server", "what it says", "loading", "memory", "sleep", "failures"


@frozen
class SimOptions:
    """How one simulated engine behaves. All times are seconds; the defaults are an engine that is ready at once."""

    host: str = option("127.0.0.1", "address to listen on", group=SERVER)
    port: int = option(8080, "port to listen on; 0 takes a free one and prints it", group=SERVER, parse=int)
    model: str = option("sim", "name of the model", group=SERVER)
    check_model: bool = option(False, "answer 404 when a request names another model", group=SERVER)
    api_key: str | None = option(None, "ask for this key on everything but the health probes", group=SERVER)
    context: int = option(8192, "context length it claims, in tokens", group=SERVER, parse=int, metavar="TOKENS")
    slots: int = option(0, "requests worked on at a time, others wait; 0: all", group=SERVER, parse=int, metavar="N")
    metrics_style: MetricsStyle = option(MetricsStyle.VLLM, "names used in /metrics", group=SERVER, parse=MetricsStyle)  # noqa: RUF009 - makes a field
    silent: bool = option(False, "print nothing", group=SERVER)

    say: str = option(DEFAULT_SAY, "what it answers, a word a token", group=SPEECH, metavar="TEXT")
    tokens: int | None = option(
        None, "answer this many tokens, repeating the text", group=SPEECH, parse=int, metavar="N"
    )
    tokens_per_second: float = option(0.0, "speed; 0: as fast as it can", group=SPEECH, parse=float, metavar="RATE")
    first_token_seconds: float = option(0.0, "time before the first token", group=SPEECH, parse=float, metavar="S")
    prompt_tokens: int | None = option(
        None, "prompt length it reports; else the words are counted", group=SPEECH, parse=int, metavar="N"
    )
    cached_tokens: int = option(0, "prompt tokens it reports as cached", group=SPEECH, parse=int, metavar="N")
    timings: TimingsStyle = option(  # noqa: RUF009 - makes a field
        TimingsStyle.LLAMACPP, "whose speed report is in the reply", group=SPEECH, parse=TimingsStyle
    )

    load_seconds: float = option(0.0, "time of the whole load", group=LOAD, parse=float, metavar="S")
    load_stage: tuple[LoadStage, ...] = option(
        (), "one stage of the load, instead of --load-seconds", group=LOAD, parse=parse_stage, metavar="NAME:S",
        repeatable=True,
    )  # fmt: skip
    load_style: LoadStyle = option(LoadStyle.GENERIC, "whose progress lines are printed", group=LOAD, parse=LoadStyle)  # noqa: RUF009 - makes a field
    bind_late: bool = option(False, "listen only after the load, as vLLM does", group=LOAD)
    wait_while_loading: bool = option(False, "let requests wait for the load instead of answering 503", group=LOAD)

    footprint_mib: int = option(0, "memory it claims to use, see /sim/footprint", group=MEMORY, parse=int, metavar="N")
    allocate: bool = option(False, "really allocate the footprint", group=MEMORY)

    sleep_seconds: float = option(0.0, "how long falling asleep takes", group=SLEEP, parse=float, metavar="S")
    wake_seconds: float = option(0.0, "how long waking takes", group=SLEEP, parse=float, metavar="S")
    sleep_fails: bool = option(False, "POST /sleep answers 500 and nothing happens", group=SLEEP)
    wake_fails: bool = option(False, "POST /wake_up answers 500 and nothing happens", group=SLEEP)
    forgets_in_sleep: bool = option(False, "after a wake it says something else", group=SLEEP)

    never_ready: bool = option(False, "the load never ends", group=FAILURES)
    die_at_start: int | None = option(
        None, "exit with CODE (1) instead of getting ready", group=FAILURES, parse=int, metavar="CODE", bare=1
    )
    die_after_chunks: int | None = option(
        None, "die in a stream after N events", group=FAILURES, parse=int, metavar="N"
    )
    truncate_stream: int | None = option(
        None, "close the connection after N (3) events of a stream, without its end", group=FAILURES, parse=int,
        metavar="N", bare=3,
    )  # fmt: skip
    close_after_reply: bool = option(
        False, "announce keep-alive and close, as llama-server does after a stream", group=FAILURES
    )
    gzip: bool = option(False, "compress replies when the client accepts it", group=FAILURES)
    hang_on_health: bool = option(False, "never answer GET /health", group=FAILURES)
    slow_health: float = option(0.0, "time each GET /health takes", group=FAILURES, parse=float, metavar="S")
    health_status: int | None = option(
        None, "answer GET /health with this status", group=FAILURES, parse=int, metavar="N"
    )
    ignore_term: bool = option(False, "ignore SIGTERM", group=FAILURES)
    ignore_first_interrupt: bool = option(False, "only print the first SIGINT", group=FAILURES)
    term_seconds: float = option(0.0, "time between SIGTERM and the exit", group=FAILURES, parse=float, metavar="S")
    fork_grandchild: bool = option(
        False, "start a child in the same process group that outlives us, and print its pid", group=FAILURES
    )
    log_bytes: int = option(
        0, "print N bytes of log lines, as fast as the reader takes them", group=FAILURES, parse=int, metavar="N"
    )

    @property
    def stages(self) -> tuple[LoadStage, ...]:
        """The stages of the load that take time."""
        stages = self.load_stage or (LoadStage("weights", self.load_seconds),)
        return tuple(stage for stage in stages if stage.seconds > 0)
