"""Where the container engine listens: what the operator says, the environment, the context, the usual sockets.

Pure but for `read` and `exists`, which look at files. What is named is used even when it is not there: then the message
names it. Of the usual sockets the first that exists is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import frozen


@frozen
class Place:
    """An address, who says so, and the docker context it is from, "" for none."""

    url: str
    source: str
    context: str = ""


@frozen
class Surroundings:
    """What is looked at. `configured` is `plugins.docker.host`, `runtime` the user's folder of sockets."""

    environment: Mapping[str, str]
    home: Path
    configured: str = ""
    root: Path = Path("/")


def find(here: Surroundings, *, read: Callable[[Path], str | None], exists: Callable[[Path], bool]) -> Place | None:
    """The engine's place, None when there is none."""
    named = _named(here, read)
    if named is not None:
        return named
    found = (path for path in sockets(here) if exists(path))
    return next((Place(f"unix://{path}", "the usual socket") for path in found), None)


def sockets(here: Surroundings) -> Iterator[Path]:
    """The usual sockets: docker's, rootless docker's, Docker Desktop's, podman's."""
    runtime = here.environment.get("XDG_RUNTIME_DIR", "")
    yield here.root / "run/docker.sock"
    yield here.root / "var/run/docker.sock"
    if runtime:
        yield Path(runtime) / "docker.sock"
    yield here.home / ".docker/run/docker.sock"
    if runtime:
        yield Path(runtime) / "podman/podman.sock"
    yield here.root / "run/podman/podman.sock"


def _named(here: Surroundings, read: Callable[[Path], str | None]) -> Place | None:
    if here.configured:
        return Place(_url(here.configured), "plugins.docker.host")
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        if url := here.environment.get(variable, ""):
            return Place(_url(url), variable)
    return _of_context(here, read)


def _of_context(here: Surroundings, read: Callable[[Path], str | None]) -> Place | None:
    folder = Path(here.environment.get("DOCKER_CONFIG") or here.home / ".docker")
    chosen = here.environment.get("DOCKER_CONTEXT") or str(
        _json(read(folder / "config.json")).get("currentContext", "")
    )
    if chosen in {"", "default"}:
        return None
    meta = folder / "contexts" / "meta" / hashlib.sha256(chosen.encode()).hexdigest() / "meta.json"
    endpoints = _json(read(meta)).get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, Mapping) else None
    url = str(docker.get("Host") or "") if isinstance(docker, Mapping) else ""
    return Place(url, f"the docker context {chosen!r}", chosen) if url else None


def _json(text: str | None) -> Mapping[str, object]:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, Mapping) else {}


def _url(text: str) -> str:
    """A bare path means a socket there."""
    return f"unix://{text}" if text.startswith("/") else text
