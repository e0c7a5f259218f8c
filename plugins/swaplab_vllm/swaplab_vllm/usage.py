"""What vLLM tells: how far a load is, tokens and speeds, and which metrics it serves."""

from __future__ import annotations

from swaplab_core.plugin.progress import mark

MARKS = (
    mark(
        "weights",
        r"Loading (?:[\w .]*?(?:shards|weights|safetensors[\w .]*)(?: \(eager\))?|safetensors using [\w .]+?):\s+"
        r"(?P<pct>\d{1,3})% Completed",
    ),
    mark("graphs", r"Capturing [\w -]*CUDA graphs(?: \([^)]*\))?:\s+(?P<pct>\d{1,3})%\|"),
    mark("weights", r"Loading weights took [\d.]+ seconds", 1.0),
    mark("weights", r"Model loading took [\d.]+ GiB memory and [\d.]+ seconds", 1.0),
    mark("weights", r"Starting to load model", 0.0),
    mark("compile", r"Starting torch\.compile", 0.0),
    mark("compile", r"torch\.compile (?:and initial profiling/warmup [\w ]*)?took [\d.]+ s", 1.0),
    mark("kv cache", r"KV cache size: [\d,]+ tokens", 1.0),
    mark("graphs", r"Graph capturing finished in \d+ secs", 1.0),
    mark("warm-up", r"init engine \(profile, create kv cache, warmup model\) took [\d.]+ s", 1.0),
    mark("server", r"Starting vLLM server on \S+"),
    mark("ready", r"Application startup complete\.", 1.0),
    mark(
        "failed",
        r"EngineDeadError|Engine core initialization failed|EngineCore (?:encountered a fatal error|failed to start)",
    ),
    mark("ray", r"Waiting for (?:the )?(?:Ray )?cluster.*?(?P<n>\d{1,3})/(?P<total>\d{1,3})"),
    mark("container", r"Starting container|Container '[^']+' (?:started|is RUNNING)|docker run"),
    mark("mods", r"[Aa]pplying mod|Applied mod"),
)
"""What vLLM's log and its launcher print while a model loads, what says most first."""

METRICS = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "kv_used_ratio": "vllm:kv_cache_usage_perc",
    "prompt_tokens_total": "vllm:prompt_tokens_total",
    "output_tokens_total": "vllm:generation_tokens_total",
}
"""Names under /metrics of the upstream, by what they mean in every engine."""
