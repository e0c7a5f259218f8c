"""What a benchmark run is asked for: the options, how JSON becomes them, and the message for each wrong one.

The names on the wire are the fork's (`pp`, `tg`, `latencyMode`, `intelligencePlugins` …), the defaults llama-benchy's
where the fork leaves them out.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest

DEFAULT_PP, DEFAULT_TG, DEFAULT_RUNS = (512, 2048, 8192), (32, 128), 5
MOST_NUMBERS = 64
PAST_TOLERANCE_SECONDS = 5.0

PLUGINS = (
    "all",
    "core6",
    "mmlu",
    "arc-c",
    "hellaswag",
    "winogrande",
    "gsm8k",
    "truthfulqa",
    "ifeval",
    "evalplus",
    "terminal_bench",
    "aider",
    "swebench_verified",
)
RUNS_CODE = frozenset({"all", "evalplus", "terminal_bench", "aider", "swebench_verified"})
"""Suites that execute what the model wrote."""


class LatencyMode(enum.Enum):
    """How llama-benchy measures the network's share. DEFAULT leaves the choice to it."""

    DEFAULT = ""
    API = "api"
    GENERATION = "generation"
    NONE = "none"


class Corpus(enum.Enum):
    """What prompts are cut from: text that comes with this plugin and needs no network, or llama-benchy's own book."""

    BUILTIN = "builtin"
    BOOK = "book"


@frozen
class Intelligence:
    """Suites that measure how clever a model is; run by the runner's `@intelligence` edition."""

    plugins: tuple[str, ...]
    allow_code_exec: bool = False
    dataset_cache_dir: str = ""
    output_dir: str = ""
    max_concurrent: int | None = None


@frozen
class RunOptions:
    """One run: what is measured, and when.

    `models` are measured one after the other. `tokenizer` "" means that it is found out for each model. `base_url` ""
    is this server. `start_at` is in unix seconds, None for at once. Sizes are counts of tokens.
    """

    models: tuple[str, ...]
    tokenizer: str = ""
    base_url: str = ""
    pp: tuple[int, ...] = DEFAULT_PP
    tg: tuple[int, ...] = DEFAULT_TG
    depth: tuple[int, ...] = ()
    concurrency: tuple[int, ...] = ()
    runs: int = DEFAULT_RUNS
    latency_mode: LatencyMode = LatencyMode.DEFAULT
    no_cache: bool = False
    no_warmup: bool = False
    skip_coherence: bool = False
    exact_tg: bool = False
    adapt_prompt: bool | None = None
    enable_prefix_caching: bool = False
    trust_remote_code: bool | None = None
    corpus: Corpus = Corpus.BUILTIN
    intelligence: Intelligence | None = None
    start_at: float | None = None


def read_options(body: Mapping[str, Any], *, now: float, zone: tzinfo) -> RunOptions:
    """Check a request's JSON. `now` is in unix seconds, `zone` the server's, for times that name none.

    Raises InvalidRequest, naming the field.
    """
    adapt, trust = _optional_flag(body, "adaptPrompt"), _optional_flag(body, "trustRemoteCode")
    return RunOptions(
        models=_models(body),
        tokenizer=_text(body, "tokenizer"),
        base_url=_base_url(_text(body, "baseUrl")),
        pp=_numbers(body, "pp", least=1) or DEFAULT_PP,
        tg=_numbers(body, "tg", least=1) or DEFAULT_TG,
        depth=_numbers(body, "depth", least=0),
        concurrency=_numbers(body, "concurrency", least=1),
        runs=_runs(body),
        latency_mode=_latency_mode(_text(body, "latencyMode")),
        no_cache=_flag(body, "noCache"),
        no_warmup=_flag(body, "noWarmup"),
        skip_coherence=_flag(body, "skipCoherence"),
        exact_tg=_flag(body, "exactTg"),
        adapt_prompt=adapt,
        enable_prefix_caching=_flag(body, "enablePrefixCaching"),
        trust_remote_code=trust,
        corpus=_corpus(_text(body, "corpus")),
        intelligence=_intelligence(body),
        start_at=read_start(_text(body, "startAt"), now=now, zone=zone),
    )


def read_start(text: str, *, now: float, zone: tzinfo) -> float | None:
    """Answer the unix time of `2026-03-01T02:30`, with or without seconds and zone; None for "".

    Raises InvalidRequest when it is no time, or already over.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest("startAt must be RFC3339 or yyyy-mm-ddThh:mm", advice=f"it is {text!r}") from None
    if "T" not in text.upper() and " " not in text:
        raise InvalidRequest("startAt must be RFC3339 or yyyy-mm-ddThh:mm", advice=f"{text!r} names no hour")
    start = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    if start < now - PAST_TOLERANCE_SECONDS:
        raise InvalidRequest("startAt is in the past", advice="leave it out to start at once")
    return start


def _models(body: Mapping[str, Any]) -> tuple[str, ...]:
    queue = tuple(name for name in _texts(body, "queueModels") if name)
    if queue:
        return queue
    model = _text(body, "model")
    if not model:
        raise InvalidRequest("model is required")
    return (model,)


def _base_url(text: str) -> str:
    """The address with exactly one `/v1` at its end; "" stays."""
    bare = text.rstrip("/")
    if not bare:
        return ""
    if not bare.startswith(("http://", "https://")):
        raise InvalidRequest("baseUrl must begin with http:// or https://", advice=f"it is {text!r}")
    return bare if bare.endswith("/v1") else f"{bare}/v1"


def _runs(body: Mapping[str, Any]) -> int:
    value = body.get("runs")
    if value is None:
        return DEFAULT_RUNS
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest("runs must be a whole number > 0", advice=f"it is {value!r}")
    return value or DEFAULT_RUNS


def _latency_mode(text: str) -> LatencyMode:
    try:
        return LatencyMode(text.lower())
    except ValueError:
        raise InvalidRequest("latencyMode must be one of: api, generation, none", advice=f"it is {text!r}") from None


def _corpus(text: str) -> Corpus:
    try:
        return Corpus(text or Corpus.BUILTIN.value)
    except ValueError:
        raise InvalidRequest("corpus must be one of: builtin, book", advice=f"it is {text!r}") from None


def _intelligence(body: Mapping[str, Any]) -> Intelligence | None:
    plugins = normal_plugins(_texts(body, "intelligencePlugins"))
    if not plugins and not _flag(body, "enableIntelligence"):
        return None
    if not plugins:
        raise InvalidRequest("intelligencePlugins must name at least one plugin when enableIntelligence is set")
    allow = _flag(body, "allowCodeExec")
    for plugin in plugins:
        if plugin in RUNS_CODE and not allow:
            raise InvalidRequest(f"plugin '{plugin}' requires allowCodeExec=true")
    most = body.get("maxConcurrent")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most <= 0):
        raise InvalidRequest("maxConcurrent must be > 0", advice=f"it is {most!r}")
    return Intelligence(plugins, allow, _text(body, "datasetCacheDir"), _text(body, "outputDir"), most)


def normal_plugins(names: Sequence[str]) -> tuple[str, ...]:
    """Lower-case, each once, in the order given. Raises InvalidRequest for one that there is not."""
    normal = tuple(dict.fromkeys(name.lower() for name in names if name))
    for name in normal:
        if name not in PLUGINS:
            raise InvalidRequest(f"unknown intelligence plugin '{name}'", advice=f"there are: {', '.join(PLUGINS)}")
    return normal


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{key} must be text", advice=f"it is {value!r}")
    if "\n" in value or "\0" in value:
        raise InvalidRequest(f"{key} must be one line")
    return value.strip()


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"{key} must be a list of texts", advice=f"it is {value!r}")
    return [item.strip() for item in value]


def _numbers(body: Mapping[str, Any], key: str, *, least: int) -> tuple[int, ...]:
    value = body.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_NUMBERS:
        raise InvalidRequest(f"{key} must be a list of at most {MOST_NUMBERS} whole numbers", advice=f"it is {value!r}")
    for index, item in enumerate(value):
        if isinstance(item, bool) or not isinstance(item, int) or item < least:
            bound = "> 0" if least else ">= 0"
            raise InvalidRequest(f"{key}[{index}] must be {bound}", advice=f"it is {item!r}")
    return tuple(value)


def _flag(body: Mapping[str, Any], key: str) -> bool:
    return bool(_optional_flag(body, key))


def _optional_flag(body: Mapping[str, Any], key: str) -> bool | None:
    value = body.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f"{key} must be true or false", advice=f"it is {value!r}")
