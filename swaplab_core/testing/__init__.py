"""The public test kit: real small things to test a proxy, a driver or a plugin against. The product never imports it.

The map:

- `sim`           `swaplab-sim`, a real OpenAI server that behaves as badly as it is told; also inside an event loop
- `sim_process`   starts it as a process
- `tiny_gguf`     writes a half-megabyte model that a real llama-server loads and that says exactly the text you choose
- `real_process`  a process that a test started: its output, its exit code, its end by pid
- `real_behaviour`  a real program that does what a fake's `Behaviour` says, for the contracts of processes
- `network`       free ports · `waiting`  wait for a condition with a deadline, instead of sleeping
- `llama_server`  where the real llama-server is
- `require`       skip when a real thing is missing, fail when `SWAPLAB_REQUIRE` names it
- `fakes`         one for each port, the larger ones apart: `fake_executor`, `fake_gateway`, `fake_hardware`,
                  `fake_job_files`, `fake_lab`
- `contracts`     what every implementation of a port, and every driver, must do
- `recipe_kit`    recipe folders and a container engine
- `output`        what a started process printed
- `script`        scripts for the swap engine: facts, each with all effects that must follow
- `plugin`        the pytest plugin: fixtures for all of this, there as soon as swaplab is installed

Import from the modules: this package imports nothing itself, because the plugin is loaded by every pytest run.
"""

from __future__ import annotations
