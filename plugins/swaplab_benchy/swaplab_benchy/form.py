"""The form of the action `run`, and the options that it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from attrs import Factory, frozen

from swaplab_benchy.options import DEFAULT_PP, DEFAULT_RUNS, DEFAULT_TG, PLUGINS, RunOptions, read_options
from swaplab_core.plugin import form_field

_PERFORMANCE, _INTELLIGENCE, _TIME = "Speed", "Intelligence", "When"


@frozen
class InstallForm:
    """Which edition is installed; each has an environment of its own."""

    intelligence: bool = form_field(
        "With intelligence suites", default=False, help="the edition with suites, at a pinned commit; needs git"
    )


@frozen
class RunForm:
    """What a person chooses. Its keys are those of `POST /api/benchy`, and so is what a job remembers."""

    model: str = form_field("Model", "", widget="model")
    queue_models: tuple[str, ...] = form_field(
        "More models",
        Factory(tuple),
        widget="models",
        help="measured one after the other",
        advanced=True,
    )
    pp: tuple[int, ...] = form_field(
        "Prompt tokens", DEFAULT_PP, widget="int-list", group=_PERFORMANCE, cli="--pp", persist=True
    )
    tg: tuple[int, ...] = form_field(
        "Generated tokens", DEFAULT_TG, widget="int-list", group=_PERFORMANCE, cli="--tg", persist=True
    )
    depth: tuple[int, ...] = form_field(
        "Context depth", Factory(tuple), widget="int-list", group=_PERFORMANCE, cli="--depth", persist=True
    )
    concurrency: tuple[int, ...] = form_field(
        "Requests at once", Factory(tuple), widget="int-list", group=_PERFORMANCE, cli="--concurrency", persist=True
    )
    runs: int = form_field(
        "Repetitions",
        DEFAULT_RUNS,
        help="a verdict between two runs needs five",
        minimum=1,
        maximum=100,
        group=_PERFORMANCE,
        cli="--runs",
        persist=True,
    )
    tokenizer: str = form_field(
        "Tokenizer", "", help="org/name, or a folder with a tokenizer.json; empty: found out", cli="--tokenizer"
    )
    base_url: str = form_field("Address", "", help="empty: this server", key="baseUrl", advanced=True)
    latency_mode: Literal["", "api", "generation", "none"] = form_field(
        "Latency", "", group=_PERFORMANCE, advanced=True, cli="--latency-mode"
    )
    corpus: Literal["builtin", "book"] = form_field(
        "Text of the prompts", "builtin", help="builtin needs no network", group=_PERFORMANCE, advanced=True
    )
    no_cache: bool = form_field("No cache", default=False, group=_PERFORMANCE, advanced=True, cli="--no-cache")
    no_warmup: bool = form_field("No warm-up", default=False, group=_PERFORMANCE, advanced=True, cli="--no-warmup")
    skip_coherence: bool = form_field(
        "Skip the coherence test", default=False, help="for small models", group=_PERFORMANCE, advanced=True
    )
    exact_tg: bool = form_field(
        "Exactly so many tokens", default=False, group=_PERFORMANCE, advanced=True, cli="--exact-tg"
    )
    adapt_prompt: bool | None = form_field("Adapt the prompt", None, group=_PERFORMANCE, advanced=True)
    enable_prefix_caching: bool = form_field(
        "Measure prefix caching", default=False, group=_PERFORMANCE, advanced=True, cli="--enable-prefix-caching"
    )
    trust_remote_code: bool | None = form_field(
        "Run the tokenizer's own code", None, help="code from its repository runs on this machine", advanced=True
    )
    enable_intelligence: bool = form_field("Measure intelligence", default=False, group=_INTELLIGENCE)
    intelligence_plugins: tuple[str, ...] = form_field(
        "Suites", Factory(tuple), choices=PLUGINS, group=_INTELLIGENCE, show_if={"/enableIntelligence": True}
    )
    allow_code_exec: bool = form_field(
        "Allow running code",
        default=False,
        help="some suites run what the model wrote; the page says as whom",
        group=_INTELLIGENCE,
        show_if={"/enableIntelligence": True},
    )
    dataset_cache_dir: str = form_field(
        "Data sets", "", widget="path", group=_INTELLIGENCE, show_if={"/enableIntelligence": True}
    )
    output_dir: str = form_field(
        "Output folder", "", widget="path", group=_INTELLIGENCE, show_if={"/enableIntelligence": True}
    )
    max_concurrent: int = form_field(
        "Questions at once", 0, minimum=0, group=_INTELLIGENCE, show_if={"/enableIntelligence": True}
    )
    start_at: str = form_field("Start at", "", widget="datetime", help="empty: at once", group=_TIME, advanced=True)


def options_of(form: RunForm, target: str) -> RunOptions:
    """The options of a filled form; `target` is the model it was opened for. Raises InvalidRequest.

    A start that is over is no mistake here: a form that has waited, or a run that is repeated, begins at once.
    """
    first = form.model or target
    body: dict[str, Any] = {
        "model": first,
        "queueModels": [first, *form.queue_models] if first else list(form.queue_models),
        "tokenizer": form.tokenizer,
        "baseUrl": form.base_url,
        "pp": list(form.pp),
        "tg": list(form.tg),
        "depth": list(form.depth),
        "concurrency": list(form.concurrency),
        "runs": form.runs,
        "latencyMode": form.latency_mode,
        "corpus": form.corpus,
        "noCache": form.no_cache,
        "noWarmup": form.no_warmup,
        "skipCoherence": form.skip_coherence,
        "exactTg": form.exact_tg,
        "adaptPrompt": form.adapt_prompt,
        "enablePrefixCaching": form.enable_prefix_caching,
        "trustRemoteCode": form.trust_remote_code,
        "startAt": form.start_at,
    }
    if form.enable_intelligence:
        body |= {
            "enableIntelligence": True,
            "intelligencePlugins": list(form.intelligence_plugins),
            "allowCodeExec": form.allow_code_exec,
            "datasetCacheDir": form.dataset_cache_dir,
            "outputDir": form.output_dir,
            "maxConcurrent": form.max_concurrent or None,
        }
    return read_options(body, now=0.0, zone=datetime.now().astimezone().tzinfo or UTC)
