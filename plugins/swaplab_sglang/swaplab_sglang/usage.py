"""What SGLang tells: how far a load is, and which metrics it serves when `--enable-metrics` is given."""

from __future__ import annotations

from swaplab_core.plugin.progress import mark

MARKS = (
    mark("weights", r"(?:Loading|Multi-thread loading) [\w .]+?:\s+(?P<pct>\d{1,3})% Completed"),
    mark("graphs", r"Capturing batches \(bs=\d+ avail_mem=[\d.]+ GB\):\s+(?P<pct>\d{1,3})%"),
    mark("weights", r"Load weight begin\. avail mem=[\d.]+ GB", 0.0),
    mark("weights", r"Load weight end\. elapsed=[\d.]+ s", 1.0),
    mark("memory pool", r"Memory pool end\. avail mem=[\d.]+ GB", 1.0),
    mark("graphs", r"Capture cuda graph begin", 0.0),
    mark("ready", r"The server is fired up and ready to roll!", 1.0),
)
"""What SGLang's log says while a model loads."""

METRICS = {
    "running": "sglang:num_running_reqs",
    "waiting": "sglang:num_queue_reqs",
    "kv_used_ratio": "sglang:token_usage",
    "prompt_tokens_total": "sglang:prompt_tokens_total",
    "output_tokens_total": "sglang:generation_tokens_total",
}
"""Names under /metrics of the upstream, by what they mean in every engine."""
