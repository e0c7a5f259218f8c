"""`/metrics` in Prometheus text, pure: the names, types and labels of vLLM or llama.cpp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from swaplab_core.testing.sim.meter import FINISHED_REASONS, Histogram, Meter
from swaplab_core.testing.sim.options import MetricsStyle

SLEEP_STATES = ("awake", "weights_offloaded", "discard_all")

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]
"""Suffix to the family's name, labels, value."""


@frozen
class Family:
    """One metric: its samples share name and type."""

    name: str
    kind: str
    about: str
    samples: Sequence[Sample]

    def lines(self) -> Iterator[str]:
        """Write it down."""
        yield f"# HELP {self.name} {self.about}"
        yield f"# TYPE {self.name} {self.kind}"
        for suffix, labels, value in self.samples:
            yield f"{self.name}{suffix}{_written(labels)} {value}"


def exposition(style: MetricsStyle, meter: Meter, model: str, sleep_level: int) -> str:
    """Everything `/metrics` answers."""
    families = vllm_families(meter, model, sleep_level) if style is MetricsStyle.VLLM else llamacpp_families(meter)
    return "".join(f"{line}\n" for family in families for line in family.lines())


def vllm_families(meter: Meter, model: str, sleep_level: int) -> Iterator[Family]:
    """Names as of vLLM 0.32; `sleep_level` is 0 when awake."""
    labels = {"engine": "0", "model_name": model}

    def plain(name: str, kind: str, about: str, value: float) -> Family:
        return Family(f"vllm:{name}", kind, about, [("", labels, float(value))])

    totals, speeds = meter.totals, meter.speeds
    yield plain("num_requests_running", "gauge", "Requests being worked on.", meter.running)
    yield plain("num_requests_waiting", "gauge", "Requests waiting to be worked on.", meter.waiting)
    yield plain("kv_cache_usage_perc", "gauge", "Used part of the KV cache, 1 is all.", min(1.0, meter.running / 10))
    yield plain("prefix_cache_queries_total", "counter", "Tokens looked up in the prefix cache.", totals["prompt"])
    yield plain("prefix_cache_hits_total", "counter", "Tokens found in the prefix cache.", totals["cached"])
    yield plain("num_preemptions_total", "counter", "Requests put back to waiting.", 0)
    yield plain("prompt_tokens_total", "counter", "Prompt tokens.", totals["prompt"])
    yield plain("generation_tokens_total", "counter", "Generated tokens.", totals["generation"])
    outcomes = [("", {**labels, "finished_reason": reason}, float(totals[reason])) for reason in FINISHED_REASONS]
    yield Family("vllm:request_success_total", "counter", "Requests by how they ended.", outcomes)
    states = [("", {**labels, "sleep_state": name}, float(n == sleep_level)) for n, name in enumerate(SLEEP_STATES)]
    yield Family("vllm:engine_sleep_state", "gauge", "Which of the states the engine is in.", states)
    yield _histogram("vllm:time_to_first_token_seconds", "Time to the first token.", speeds.first_token, labels)
    yield _histogram("vllm:inter_token_latency_seconds", "Time between two tokens.", speeds.per_token, labels)
    yield _histogram("vllm:request_time_per_output_token_seconds", "Time per token.", speeds.per_token, labels)
    yield _histogram("vllm:e2e_request_latency_seconds", "Time of the whole request.", speeds.whole, labels)
    yield _histogram("vllm:request_prompt_tokens", "Prompt length.", speeds.prompt_tokens, labels)
    yield _histogram("vllm:request_generation_tokens", "Answer length.", speeds.generation_tokens, labels)


def llamacpp_families(meter: Meter) -> Iterator[Family]:
    """Names as of llama-server with --metrics; it has no labels."""

    def plain(name: str, kind: str, about: str, value: float) -> Family:
        return Family(f"llamacpp:{name}", kind, about, [("", {}, value)])

    totals = meter.totals
    prompt_seconds = meter.speeds.first_token.total
    generation_seconds = meter.speeds.whole.total - prompt_seconds
    evaluated = totals["prompt"] - totals["cached"]
    yield plain("prompt_tokens_total", "counter", "Prompt tokens evaluated.", evaluated)
    yield plain("prompt_tokens_cached_total", "counter", "Prompt tokens found in the cache.", totals["cached"])
    yield plain("prompt_seconds_total", "counter", "Time spent on prompts.", prompt_seconds)
    yield plain("tokens_predicted_total", "counter", "Tokens generated.", totals["generation"])
    yield plain("tokens_predicted_seconds_total", "counter", "Time spent generating.", generation_seconds)
    yield plain("n_decode_total", "counter", "Decode calls.", totals["generation"])
    yield plain("prompt_tokens_seconds", "gauge", "Prompt speed.", _rate(evaluated, prompt_seconds))
    yield plain(
        "predicted_tokens_seconds", "gauge", "Generation speed.", _rate(totals["generation"], generation_seconds)
    )
    yield plain("requests_processing", "gauge", "Requests being worked on.", meter.running)
    yield plain("requests_deferred", "gauge", "Requests waiting for a slot.", meter.waiting)


def _histogram(name: str, about: str, histogram: Histogram, labels: Labels) -> Family:
    buckets: list[Sample] = [("_bucket", {**labels, "le": bound}, float(count)) for bound, count in histogram.buckets()]
    sums: list[Sample] = [("_count", labels, float(histogram.count)), ("_sum", labels, histogram.total)]
    return Family(name, "histogram", about, [*buckets, *sums])


def _written(labels: Labels) -> str:
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(escaped.items())) + "}" if labels else ""


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0
