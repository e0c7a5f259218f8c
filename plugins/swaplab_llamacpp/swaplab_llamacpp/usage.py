"""What llama-server tells: the steps of a load, tokens and timings, and its metrics."""

from __future__ import annotations

from swaplab_core.plugin import Progress

STEPS = (
    ("loading model", Progress("weights")),
    ("warming up the model", Progress("warm-up")),
    ("initializing, n_slots", Progress("slots")),
    ("initializing slots", Progress("slots")),
    ("model loaded", Progress("ready", 1.0)),
    ("listening on http", Progress("ready", 1.0)),
    ("server is listening on http", Progress("ready", 1.0)),
    ("router server is listening on http", Progress("ready", 1.0)),
)
"""What a log message begins with, in current and older builds; llama-server tells no percentages."""

METRICS = {
    "running": "llamacpp:requests_processing",
    "waiting": "llamacpp:requests_deferred",
    "prompt_tokens_total": "llamacpp:prompt_tokens_total",
    "output_tokens_total": "llamacpp:tokens_predicted_total",
}
"""Names under /metrics of the upstream, by what they mean in every engine."""


def read_step(line: str) -> Progress | None:
    """Recognise the steps of a load by how the message, after the name of the function, begins."""
    message = line.partition(": ")[2]
    return next((progress for beginning, progress in STEPS if message.startswith(beginning)), None)
