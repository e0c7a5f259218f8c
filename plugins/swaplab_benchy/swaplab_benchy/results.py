"""What a run measured, and what produced it: read from llama-benchy's JSON and kept as JSON of our own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Any

from attrs import asdict, field, frozen

from swaplab_benchy.scores import Score
from swaplab_core.plugin import PluginFailed

SCHEMA = 1
SPEEDS = ("pp_throughput", "tg_throughput")
METRICS = (*SPEEDS, "peak_throughput", "ttfr", "est_ppt", "e2e_ttft")
"""Throughputs are tokens per second, the others milliseconds."""


@frozen
class Samples:
    """One metric at one point: a value for each run."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The average."""
        return fmean(self.values)

    @property
    def middle(self) -> float:
        """The median: one run that something else on the machine has held up does not move it."""
        return median(self.values)

    @property
    def deviation(self) -> float:
        """The sample standard deviation, 0 of a single value."""
        return stdev(self.values) if len(self.values) > 1 else 0.0


@frozen(order=True)
class Point:
    """What was measured: `prompt` tokens read and `response` tokens written, after `depth` tokens of context.

    `concurrency` requests ran at once. `is_prefill` marks the load of the context itself.
    """

    depth: int
    prompt: int
    response: int
    concurrency: int = 1
    is_prefill: bool = False

    def __str__(self) -> str:
        """The name that tables show: `pp512 tg128 @ d4096 x4`."""
        sizes = f"pp{self.prompt} tg{self.response}" if not self.is_prefill else f"context pp{self.prompt}"
        return (
            sizes
            + (f" @ d{self.depth}" if self.depth else "")
            + (f" x{self.concurrency}" if self.concurrency > 1 else "")
        )


@frozen
class Result:
    """The measurements of one model in one run: speeds by point and metric, or the scores of suites."""

    version: str
    latency_ms: float | None
    points: Mapping[Point, Mapping[str, Samples]]
    scores: tuple[Score, ...] = ()

    def samples(self, metric: str) -> dict[Point, Samples]:
        """One metric at every point that has it, sorted."""
        return {point: metrics[metric] for point, metrics in sorted(self.points.items()) if metric in metrics}


@frozen
class Provenance:
    """What produced a result, so that it still means something later. "" is what could not be found out.

    `recipe_hash` and `launch_hash` tell whether two runs measured the same thing; the launch is the engine's argv.
    `ran_as` is the user that suites ran as which execute code.
    """

    model: str
    recipe: str = ""
    recipe_hash: str = ""
    launch: tuple[str, ...] = ()
    launch_hash: str = ""
    engine: str = ""
    image: str = ""
    node: str = ""
    hardware: str = ""
    driver: str = ""
    runner: str = ""
    corpus: str = ""
    ran_as: str = ""
    options: Mapping[str, Any] = field(factory=dict)


@frozen
class Run:
    """One finished measurement of one model: what is stored. `created` is in unix seconds."""

    id: str
    created: float
    provenance: Provenance
    result: Result


def read_result(document: Mapping[str, Any]) -> Result:
    """Read llama-benchy's JSON result (0.4). Raises PluginFailed when it is of another shape."""
    try:
        entries = document["benchmarks"]
        points = {_point(entry): _metrics(entry) for entry in entries}
        latency = document.get("latency_ms")
        return Result(str(document.get("version", "")), None if latency is None else float(latency), points)
    except (KeyError, TypeError, ValueError) as error:
        raise PluginFailed(
            f"the result of llama-benchy has an unknown shape: {type(error).__name__} {error}",
            advice="this plugin reads results of llama-benchy 0.4",
        ) from None


def _point(entry: Mapping[str, Any]) -> Point:
    return Point(
        int(entry["context_size"] or 0),
        int(entry["prompt_size"]),
        int(entry["response_size"]),
        int(entry["concurrency"]),
        bool(entry.get("is_context_prefill_phase")),
    )


def _metrics(entry: Mapping[str, Any]) -> dict[str, Samples]:
    found = {}
    for metric in METRICS:
        values = (entry.get(metric) or {}).get("values") or ()
        if values:
            found[metric] = Samples(tuple(float(value) for value in values))
    return found


def to_document(run: Run) -> dict[str, Any]:
    """The JSON that is stored and answered."""
    return {
        "schema": SCHEMA,
        "id": run.id,
        "created": run.created,
        "provenance": asdict(run.provenance),
        "version": run.result.version,
        "latency_ms": run.result.latency_ms,
        "points": [_point_document(point, metrics) for point, metrics in sorted(run.result.points.items())],
        "scores": [asdict(score) for score in run.result.scores],
    }


def _point_document(point: Point, metrics: Mapping[str, Samples]) -> dict[str, Any]:
    numbers = {
        name: {"mean": samples.mean, "std": samples.deviation, "values": list(samples.values)}
        for name, samples in metrics.items()
    }
    return {**asdict(point), "name": str(point), "metrics": numbers}


def from_document(document: Mapping[str, Any]) -> Run:
    """Read what `to_document` wrote. Raises PluginFailed when it is something else."""
    try:
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r} is not {SCHEMA}")
        provenance = dict(document["provenance"])
        provenance["launch"] = tuple(provenance.get("launch", ()))
        points = {
            Point(p["depth"], p["prompt"], p["response"], p["concurrency"], p["is_prefill"]): {
                name: Samples(tuple(numbers["values"])) for name, numbers in p["metrics"].items()
            }
            for p in document["points"]
        }
        scores = tuple(Score(**score) for score in document.get("scores", ()))
        result = Result(document["version"], document["latency_ms"], points, scores)
        return Run(document["id"], document["created"], Provenance(**provenance), result)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PluginFailed(f"a stored result cannot be read: {type(error).__name__} {error}") from None


def rows(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """One flat row for each point and each score of each run, for tables and CSV; all have the same columns."""
    return [row for run in runs for row in _rows(run)]


def _rows(run: Run) -> list[dict[str, Any]]:
    nothing = {"metric": "", "score": None, "score_stderr": None}
    speeds = [_row(run, point, metrics) | nothing for point, metrics in sorted(run.result.points.items())]
    return speeds + [_score_row(run, score) for score in run.result.scores]


def _score_row(run: Run, score: Score) -> dict[str, Any]:
    row = dict.fromkeys(_row(run, Point(0, 0, 0), {})) | _origin(run)
    row["test"] = f"{score.suite} {score.task}" if score.task not in {"", score.suite} else score.suite
    return row | {"metric": score.metric, "score": score.value, "score_stderr": score.error}


def _origin(run: Run) -> dict[str, Any]:
    known = run.provenance
    return {"run": run.id, "created": run.created, "model": known.model, "recipe": known.recipe, "engine": known.engine}


def _row(run: Run, point: Point, metrics: Mapping[str, Samples]) -> dict[str, Any]:
    row: dict[str, Any] = {**_origin(run), "test": str(point)}
    row |= {"depth": point.depth, "prompt": point.prompt, "response": point.response, "concurrency": point.concurrency}
    for name in METRICS:
        samples = metrics.get(name)
        row[name] = None if samples is None else samples.mean
        row[f"{name}_std"] = None if samples is None else samples.deviation
    return row


def markdown(runs: Sequence[Run]) -> str:
    """A table of all points, and one of all scores if there are any, for a person to paste."""
    tables = [_speed_table(runs)] if any(run.result.points for run in runs) else []
    tables += [_score_table(runs)] if any(run.result.scores for run in runs) else []
    return "\n".join(tables)


def _speed_table(runs: Sequence[Run]) -> str:
    lines = [
        "| model | test | pp t/s | tg t/s | peak t/s | ttft (ms) |",
        "|:------|-----:|-------:|-------:|---------:|----------:|",
    ]
    for run in runs:
        for point, metrics in sorted(run.result.points.items()):
            cells = [_cell(metrics.get(m)) for m in ("pp_throughput", "tg_throughput", "peak_throughput", "e2e_ttft")]
            lines.append(f"| {_plain(run.provenance.model)} | {point} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _score_table(runs: Sequence[Run]) -> str:
    lines = ["| model | suite | metric | score |", "|:------|:------|:-------|------:|"]
    for run in runs:
        for score in run.result.scores:
            value = "failed" if score.value is None else f"{score.value:.1%}"
            value += f" ± {score.error:.1%}" if score.error else ""
            cells = [run.provenance.model, score.task or score.suite, score.metric, value]
            lines.append(f"| {' | '.join(map(_plain, cells))} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text.replace("|", "&#124;")


def _cell(samples: Samples | None) -> str:
    return "" if samples is None else f"{samples.mean:.2f} ± {samples.deviation:.2f}"
