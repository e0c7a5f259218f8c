"""The control plane: one module for each thing that is asked about.

- models: `models`, `memory`, `profiles`, `model_entry` · their work: `inflight`, `timeline`, `performance`, `metrics`
- the past: `activity`, with `activity_query` what is wanted of it and `activity_export` as a file, `history` how much
  is kept · as streams: `logs` and `events`
- the file: `config`, `config_form`, with `revisions` as entity tags
- `recipes`, `recipe_pages`, `backends`, `nodes` · what plugins add: `plugins`, `actions`, `manifest` · `jobs`
- `session` of a browser, `version`, `debug`, and a `bundle` to attach to a report
"""

from __future__ import annotations
