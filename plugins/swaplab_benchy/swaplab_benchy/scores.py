"""How clever a model is: what the suites of an intelligence run found, read from the runner's manifest. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from swaplab_core.plugin import PluginFailed, Progress

_FOLDER = re.compile(r"^Intelligence run directory: (.+)$", re.MULTILINE)
_STARTING = re.compile(r"\[intelligence\] Starting plugin (\S+) \((\d+)/(\d+)\)")
_NO_SCORE = ("sample_len", "sample_count")
"""Numbers among the metrics that tell how much was asked, not how well it was answered."""


@frozen
class Score:
    """One task of a suite. `value` is a fraction, None when the task has none; `error` its standard error, if told.

    `failure` says why the suite has no value at all.
    """

    suite: str
    task: str = ""
    metric: str = ""
    value: float | None = None
    error: float | None = None
    seconds: float | None = None
    failure: str = ""


def run_folder(output: str) -> str:
    """Where the runner says that it writes; "" when it does not."""
    found = _FOLDER.findall(output)
    return str(found[-1]).strip() if found else ""


def suite_progress(line: str) -> Progress | None:
    """How far a run is, from the line that tells of the next suite."""
    found = _STARTING.search(line)
    if found is None:
        return None
    return Progress(f"{found[1]} ({found[2]} of {found[3]})", (int(found[2]) - 1) / int(found[3]))


def read_scores(manifest: Mapping[str, Any]) -> tuple[Score, ...]:
    """Read `manifest.json` of a run. Raises PluginFailed when it is of another shape."""
    try:
        return tuple(score for suite in manifest["plugins"] for score in _suite(suite))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PluginFailed(
            f"the manifest of the intelligence run has an unknown shape: {type(error).__name__} {error}",
            advice="this plugin reads what llama-benchy's intelligence edition writes",
        ) from None


def _suite(suite: Mapping[str, Any]) -> Sequence[Score]:
    if not suite["success"]:
        return [Score(str(suite["plugin"]), failure=str(suite.get("error") or "it failed without a word"))]
    return [_task(str(suite["plugin"]), task) for task in suite["tasks"]]


def _task(suite: str, task: Mapping[str, Any]) -> Score:
    raw = task.get("raw") or {}
    metric, value = str(task["metric"]), task.get("value")
    if metric in _NO_SCORE:
        metric, value = next(((name, raw[name]) for name in raw if _is_score(name, raw[name])), (metric, None))
    name, _, kind = metric.partition(",")
    error = raw.get(f"{name}_stderr,{kind}") if kind else None
    return Score(
        suite, str(task["name"]), metric, _number(value), _number(error), _number(task.get("duration_seconds"))
    )


def _is_score(name: str, value: object) -> bool:
    return _number(value) is not None and name not in _NO_SCORE and "_stderr" not in name


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
