"""What is unwise in a model's own `docker run`, told when the configuration is checked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from swaplab_core.domain.problem import Problem
from swaplab_core.plugin import ConfigFacts
from swaplab_core.plugin.run_command import RunCommand, read_run
from swaplab_docker.written import words

DOCKERS_PATIENCE_SECONDS = 10.0
"""What `docker stop` waits before it kills, unless told otherwise."""
USUAL_GRACE_SECONDS = 10.0

_EVERYWHERE = ("0.0.0.0:", "[::]:")


def check(config: ConfigFacts) -> Iterable[Problem]:
    """Warn of every entry that would leave its container behind, or show it to the network."""
    names: dict[str, str] = {}
    for model, entry in config.models.items():
        command = entry.get("cmd")
        if "run" not in str(command):  # to take a thousand commands apart takes a tenth of a second
            continue
        run = read_run(words(command))
        if run is None:
            continue
        for message, advice in warnings(run, entry):
            yield config.warning(f"{model}: {message}", advice, "models", model, "cmd")
        if run.name and (other := names.setdefault(run.name, model)) != model:
            yield config.warning(
                f"{model}: its container has the same name as that of {other}, {run.name!r}",
                "give each its own: --name ${MODEL_ID}",
                *("models", model, "cmd"),
            )


def warnings(run: RunCommand, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is unwise, and what to write instead."""
    if run.has("--detach"):
        yield "with -d the command ends at once, and the model with it", "leave out -d: swaplab follows the container"
    if run.has("--tty"):
        yield "there is no terminal for -t", "leave out -t"
    if not run.has("--rm"):
        yield "a container that has ended keeps its name and its disk", "add --rm"
    if not run.has("--init"):
        yield "an engine that is the first process of its container may not hear that it is to stop", "add --init"
    if any(_is_open(published) for published in run.values("--publish")):
        yield "its port is open to other machines, without any key", "write -p 127.0.0.1:${PORT}:…"
    yield from _slow_stop(run, entry)


def _slow_stop(run: RunCommand, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    stop = words(entry.get("cmdStop"))
    if stop[1:2] != ("stop",):
        return
    grace = _number(entry.get("unloadTimeout"), USUAL_GRACE_SECONDS)
    if _patience(stop[2:]) >= grace:
        yield (
            f"`{' '.join(stop[:2])}` may wait as long as swaplab does ({grace:g} s), which then kills it half-way",
            "write -t 5 behind `stop`, or a longer unloadTimeout",
        )
    if run.name and run.name not in stop[2:]:
        yield f"cmdStop does not name its container, {run.name!r}", f"write: {' '.join(stop[:2])} -t 5 {run.name}"


def _patience(given: tuple[str, ...]) -> float:
    for at, word in enumerate(given):
        name, equals, value = word.partition("=")
        if name in {"-t", "--time", "--timeout"}:
            return _number(value if equals else given[at + 1] if at + 1 < len(given) else "", DOCKERS_PATIENCE_SECONDS)
    return DOCKERS_PATIENCE_SECONDS


def _is_open(published: str) -> bool:
    """`8080:80` and `0.0.0.0:8080:80` are open, `127.0.0.1:8080:80` is not."""
    return published.startswith(_EVERYWHERE) or published.count(":") < 2


def _number(value: object, usual: float) -> float:
    try:
        return float(str(value))
    except ValueError:
        return usual
