"""Rules about values: addresses, patterns, ports, and keys that do not do what one may think."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from swaplab_core.config.didyoumean import did_you_mean
from swaplab_core.config.document import MapNode, Scalar, child_map, is_written, place_of
from swaplab_core.config.patterns import BadPattern, compile_pattern
from swaplab_core.config.schema import DEFAULT_IGNORED_PATHS, ApiKey, Config
from swaplab_core.domain.problem import Problem

SHORTEST_HEALTH_CHECK_SECONDS = 15
SHORTEST_SAMPLE_SECONDS = 5
HIGHEST_PORT = 65535
POSTGRESQL = ("postgresql", "postgres")
LOG_LEVELS = ("debug", "info", "warn", "error")
LOG_TIME_FORMATS = (
    "ansic", "unixdate", "rubydate", "rfc822", "rfc822z", "rfc850", "rfc1123", "rfc1123z",
    "rfc3339", "rfc3339nano", "kitchen", "stamp", "stampmilli", "stampmicro", "stampnano",
)  # fmt: skip


def _addresses(config: Config, root: MapNode) -> Iterator[Problem]:
    for model in config.models.values():
        if model.proxy is not None and "${" not in model.proxy and not is_url(model.proxy):
            place = place_of(root, "models", model.id, "proxy")
            yield place.problem(f"'{model.proxy}' is no http address", "write http://host:port")
    for name, peer in config.peers.items():
        if not is_url(peer.proxy):
            place = place_of(root, "peers", name, "proxy")
            yield place.problem(f"'{peer.proxy}' is no http address", "write http://host:port")


def is_url(text: str) -> bool:
    """Is this the base URL of a server?"""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _api_keys(config: Config, root: MapNode) -> Iterator[Problem]:
    for number, entry in enumerate(config.api_keys):
        place = place_of(root, "apiKeys", number)
        key = entry.key if isinstance(entry, ApiKey) else entry
        if not key:
            yield place.problem(f"key {number} is empty", "write a key, or remove it")
        elif any(character.isspace() for character in key):
            yield place.problem(f"key {number} holds a space", "write it without")


def _origins(config: Config, root: MapNode) -> Iterator[Problem]:
    for number, origin in enumerate(config.allowed_origins):
        if origin != "*" and not (is_url(origin) and urlsplit(origin).path == ""):
            place = place_of(root, "allowedOrigins", number)
            yield place.problem(f"'{origin}' is no web origin", "write https://host or https://host:port, or '*'")


_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def _hosts(config: Config, root: MapNode) -> Iterator[Problem]:
    for number, name in enumerate(config.allowed_hosts):
        if not _HOST_NAME.fullmatch(name):
            place = place_of(root, "allowedHosts", number)
            yield place.problem(
                f"'{name}' is no name of a host", "write it without scheme and port: models.example.org"
            )


def _ports(config: Config, root: MapNode) -> Iterator[Problem]:
    if config.start_port > HIGHEST_PORT:
        yield place_of(root, "startPort").problem(f"there is no port {config.start_port}", "write one up to 65535")


def _ignored_paths(config: Config, root: MapNode) -> Iterator[Problem]:
    if config.upstream.ignore_paths == DEFAULT_IGNORED_PATHS:
        return  # nobody wrote them, and the library that would read them is large
    for number, pattern in enumerate(config.upstream.ignore_paths):
        try:
            compile_pattern(pattern)
        except BadPattern as error:
            place = place_of(root, "upstream", "ignorePaths", number)
            yield place.problem(f"this is no regular expression: {error}", "escape special characters with a backslash")


def _store(config: Config, root: MapNode) -> Iterator[Problem]:
    if config.store is None:
        return
    path, url = config.store.path.strip(), config.store.url.strip()
    place = place_of(root, "store")
    if not (path or url):
        yield place.problem("says nowhere where the activity is kept", "write `path` or `url`, or remove `store`")
    elif path and url:
        yield place.problem("has both `path` and `url`", "keep the one where the activity is to be kept")
    elif url and url.partition(":")[0].partition("+")[0] not in POSTGRESQL:
        yield place_of(root, "store", "url").problem(
            "is no address of a PostgreSQL database",
            "write postgresql://user@host/database, or the path of an SQLite file as `path`",
        )


def _sampling(config: Config, root: MapNode) -> Iterator[Problem]:
    every = config.performance.every_seconds
    if every < SHORTEST_SAMPLE_SECONDS:
        yield place_of(root, "performance", "every").problem(
            f"{every:g} seconds is too often", f"write {SHORTEST_SAMPLE_SECONDS}s or more"
        )


def _matrix(config: Config, root: MapNode) -> Iterator[Problem]:
    """The expressions are checked where they are compiled, in the engine."""
    router = config.routing.router
    if router.use == "matrix" and router.settings.matrix is None:
        place = place_of(root, "routing", "router", "use")
        yield place.problem("there is no matrix to use", "write routing.router.settings.matrix, or `use: group`")


def _logging(config: Config, root: MapNode) -> Iterator[Problem]:
    level, layout = config.log_level, config.log_time_format
    if level not in LOG_LEVELS:
        advice = did_you_mean(level, LOG_LEVELS) or f"write one of: {', '.join(LOG_LEVELS)}"
        yield place_of(root, "logLevel").warning(f"there is no log level '{level}', info is used", advice)
    if layout and layout.lower() not in LOG_TIME_FORMATS:
        advice = did_you_mean(layout, LOG_TIME_FORMATS) or f"write one of: {', '.join(LOG_TIME_FORMATS)}"
        yield place_of(root, "logTimeFormat").warning(f"there is no time format '{layout}', none is used", advice)


def _without_effect(_: Config, root: MapNode) -> Iterator[Problem]:
    """Keys that are accepted because old files have them."""
    timeout = root.get("healthCheckTimeout")
    written = timeout.value if isinstance(timeout, Scalar) else None
    if isinstance(written, int | float) and written < SHORTEST_HEALTH_CHECK_SECONDS:
        yield root.key_place("healthCheckTimeout").warning(f"is raised to {SHORTEST_HEALTH_CHECK_SECONDS} seconds")
    if is_written(root, "logRequests"):
        yield root.key_place("logRequests").warning("has no effect: requests are always logged", "remove it")
    for model in child_map(root, "models").values():
        if isinstance(model, MapNode) and is_written(model, "healthCheckTimeout"):
            place = model.key_place("healthCheckTimeout")
            yield place.warning("has no effect in a model", "the top-level healthCheckTimeout is used")


RULES = (
    _addresses,
    _api_keys,
    _origins,
    _hosts,
    _ports,
    _ignored_paths,
    _store,
    _sampling,
    _matrix,
    _logging,
    _without_effect,
)
