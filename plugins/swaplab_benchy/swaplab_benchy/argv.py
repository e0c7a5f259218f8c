"""The command line of llama-benchy for one model, and of nothing else: keys never stand in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from swaplab_benchy.options import Intelligence, LatencyMode, RunOptions
from swaplab_benchy.targets import Target


@frozen
class Outputs:
    """Where the runner writes what we read: the result (JSON) and its progress (JSON lines). "": not asked for.

    `book` is the name of the text that prompts are cut from, "" for the runner's own.
    """

    result: str = ""
    progress: str = ""
    book: str = ""


def arguments(base_url: str, target: Target, options: RunOptions, outputs: Outputs = Outputs()) -> tuple[str, ...]:
    """All that follows the runner's own command, in the fork's order; what only we ask for comes last.

    An intelligence run has other outputs than a speed run, and an edition of the runner that does not know ours.
    """
    return (
        *("--base-url", base_url, "--model", target.shown, "--served-model-name", target.served),
        *("--tokenizer", target.tokenizer, "--runs", str(options.runs)),
        *_list("--pp", options.pp),
        *_list("--tg", options.tg),
        *_list("--depth", options.depth),
        *_list("--concurrency", options.concurrency),
        *_latency(options.latency_mode),
        *_flag("--no-cache", options.no_cache),
        *_flag("--no-warmup", options.no_warmup),
        *_adapt(options.adapt_prompt),
        *_flag("--enable-prefix-caching", options.enable_prefix_caching),
        *(_intelligence(options.intelligence) if options.intelligence else _ours(options, outputs)),
    )


def _ours(options: RunOptions, outputs: Outputs) -> tuple[str, ...]:
    return (
        *_flag("--skip-coherence", options.skip_coherence),
        *_flag("--exact-tg", options.exact_tg),
        *(("--exit-on-first-fail", "--save-result", outputs.result, "--format", "json") if outputs.result else ()),
        *_value("--emit-progress", outputs.progress),
        *_value("--book-url", outputs.book),
    )


def _intelligence(wanted: Intelligence) -> tuple[str, ...]:
    return (
        "--enable-intelligence",
        *_value("--output-dir", wanted.output_dir),
        *("--intelligence-plugins", *wanted.plugins),
        *_flag("--allow-code-exec", wanted.allow_code_exec),
        *_value("--dataset-cache-dir", wanted.dataset_cache_dir),
        *_value("--max-concurrent", "" if wanted.max_concurrent is None else str(wanted.max_concurrent)),
    )


def _list(flag: str, values: Iterable[int]) -> tuple[str, ...]:
    texts = tuple(str(value) for value in values)
    return (flag, *texts) if texts else ()


def _flag(flag: str, wanted: bool) -> tuple[str, ...]:
    return (flag,) if wanted else ()


def _value(flag: str, value: str) -> tuple[str, ...]:
    return (flag, value) if value else ()


def _latency(mode: LatencyMode) -> tuple[str, ...]:
    return () if mode is LatencyMode.DEFAULT else ("--latency-mode", mode.value)


def _adapt(wanted: bool | None) -> tuple[str, ...]:
    return () if wanted is None else ("--adapt-prompt" if wanted else "--no-adapt-prompt",)
