"""What is printed while loading, and when: pure. The shapes are those of real engines, line ends included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from swaplab_core.testing.sim.options import LoadStage, LoadStyle

SHARDS = 4
DOTS = 20


@frozen
class TimedText:
    """Something to print, this many seconds after the start of the load."""

    at_seconds: float
    text: str


def load_plan(style: LoadStyle, stages: Sequence[LoadStage]) -> tuple[TimedText, ...]:
    """Everything printed from the start of the load to its end."""
    started = 0.0
    plan: list[TimedText] = []
    for stage in stages:
        plan += [TimedText(started + moment.at_seconds, moment.text) for moment in STYLES[style](stage)]
        started += stage.seconds
    return tuple(plan)


def ready_text(style: LoadStyle) -> str:
    """What says that the load is over."""
    return READY[style]


def _percents(stage: LoadStage, template: str) -> list[TimedText]:
    """Every tenth of a second, but at least five times and at most a hundred."""
    steps = max(5, min(100, round(stage.seconds * 10)))
    return [
        TimedText(stage.seconds * step / steps, template.format(name=stage.name, percent=100 * step // steps))
        for step in range(steps + 1)
    ]


def _generic(stage: LoadStage) -> list[TimedText]:
    return _percents(stage, "swaplab-sim: loading {name} {percent}%\n")


def _carriage(stage: LoadStage) -> list[TimedText]:
    return [*_percents(stage, "\rswaplab-sim: loading {name} {percent}%"), TimedText(stage.seconds, "\n")]


def _llamacpp(stage: LoadStage) -> list[TimedText]:
    dots = [TimedText(stage.seconds * dot / DOTS, ".") for dot in range(1, DOTS + 1)]
    begin = TimedText(0.0, f"0.00.004.385 I srv    load_model: loading model '{stage.name}'\n")
    return [begin, *dots, TimedText(stage.seconds, "\n")]


def _vllm(stage: LoadStage) -> list[TimedText]:
    """A bar of shards for weights, one that returns the carriage for graphs, plain lines for anything else."""
    seconds = f"{stage.seconds:.2f}"
    match stage.name:
        case "weights":
            bar = "Loading safetensors checkpoint shards: {percent:3}% Completed | {done}/{total} [{clock}]\n"
            begin, end = "Starting to load model sim...", f"Loading weights took {seconds} seconds"
        case "graphs":
            bar = "\rCapturing CUDA graphs (decode, FULL): {percent:3}%|{blocks:4}| {done}/{total} [{clock}]"
            begin, end = "Capturing the model for CUDA graphs", f"Graph capturing finished in {stage.seconds:.0f} secs"
        case _:
            bar = ""
            begin, end = f"Starting {stage.name}", f"{stage.name} took {seconds} s in total"
    newline = "\n" if bar.startswith("\r") else ""
    return [TimedText(0.0, _vllm_line(begin)), *_bar(stage, bar), TimedText(stage.seconds, newline + _vllm_line(end))]


def _vllm_line(text: str) -> str:
    return f"(EngineCore pid=1) INFO 01-01 00:00:00 [swaplab_sim.py:1] {text}\n"


def _bar(stage: LoadStage, template: str) -> list[TimedText]:
    if not template:
        return []
    texts = [
        template.format(
            percent=100 * done // SHARDS,
            done=done,
            total=SHARDS,
            blocks="█" * done,
            clock=f"00:{int(stage.seconds * done / SHARDS):02}<00:{int(stage.seconds * (SHARDS - done) / SHARDS):02}",
        )
        for done in range(SHARDS + 1)
    ]
    return [TimedText(stage.seconds * done / SHARDS, text) for done, text in enumerate(texts)]


STYLES: Mapping[LoadStyle, Callable[[LoadStage], list[TimedText]]] = {
    LoadStyle.GENERIC: _generic,
    LoadStyle.CARRIAGE: _carriage,
    LoadStyle.LLAMACPP: _llamacpp,
    LoadStyle.VLLM: _vllm,
}

READY: Mapping[LoadStyle, str] = {
    LoadStyle.GENERIC: "swaplab-sim: ready\n",
    LoadStyle.CARRIAGE: "swaplab-sim: ready\n",
    LoadStyle.LLAMACPP: "0.00.014.313 I srv  llama_server: model loaded\n",
    LoadStyle.VLLM: "INFO:     Application startup complete.\n",
}
