"""`swaplab-sim`: a real small OpenAI server that simulates an inference engine, with its loading, sleeping and dying.

The map: `options` all it can be told · `engine` its state · `application` its routes · `running` in an event loop ·
`cli` and `process` as a program.

- behind the routes: `inference` (with `generation`, `streaming` and the wire formats in `dialects`) · `vectors` ·
  `media` (forms in `form`) · `probes` · `control`, all on top of `http`
- state: `loading` what is printed when · `meter` and `metrics` counts and their Prometheus text · `residency` sleep and
  memory · `request_log` what was received · `output` a log that blocks nobody
"""

from __future__ import annotations

from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.options import LoadStage, LoadStyle, MetricsStyle, SimOptions, TimingsStyle
from swaplab_core.testing.sim.running import RunningSim, running_sim

__all__ = [
    "LoadStage",
    "LoadStyle",
    "MetricsStyle",
    "RunningSim",
    "SimEngine",
    "SimOptions",
    "TimingsStyle",
    "running_sim",
]
