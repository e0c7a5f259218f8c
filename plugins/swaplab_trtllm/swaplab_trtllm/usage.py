"""What TensorRT-LLM tells: how far a load is, its metrics, and which fields of requests it refuses."""

from __future__ import annotations

from swaplab_core.plugin.progress import mark

MARKS = (
    mark("weights", r"Loading safetensors weights in parallel:\s+(?P<pct>\d{1,3})%"),
    mark("weights", r"Loading weights (?:concurrently|serially)?:?\s*(?P<pct>\d{1,3})%"),
    mark("weights", r"Model init total -- [\d.]+s", 1.0),
    mark("kv cache", r"\[MemUsageChange\] Allocated [\d.]+ GiB for max tokens in paged KV cache", 1.0),
    mark("failed", r"Failed to initialize executor on rank \d+"),
    mark("ready", r"Uvicorn running on|Application startup complete\.", 1.0),
)
"""What TensorRT-LLM's log says while a model loads."""

METRICS = {
    "running": "trtllm_num_requests_running",
    "waiting": "trtllm_num_requests_waiting",
    "kv_used_ratio": "trtllm_kv_cache_utilization",
    "prompt_tokens_total": "trtllm_prompt_tokens_total",
    "output_tokens_total": "trtllm_generation_tokens_total",
}
"""Names under /prometheus/metrics of the upstream, by what they mean in every engine."""

REFUSED_FIELDS = ("return_token_ids",)
"""Unknown fields are answered with 400 here; these are sent by tools that expect them to be ignored."""
