"""Use cases of the control plane: what the HTTP API, the CLI and the UI may ask for.

- models: `models` which there are, their state, load, unload, plan · `memory` whether a load fits · `listing` the
  list for clients · `request_router` where a request goes, `suggestions` for names that are not there
- the configuration: `config_editor` the file as it is edited · `config_preview` what a text would run · `model_entry`
  one entry as text and form · `plugin_settings`
- recipes: `recipes` their files · `recipe_catalogue` all of them, as `recipe_world` finds them below `recipe_paths` ·
  `recipe_values`, `recipe_wizard` forms of a text · `recipe_trial` dry runs · `recipe_sync` to other machines ·
  `recipe_offers` for cached weights · `recipe_pages` and `recipe_actions` (with `recipe_forms`) in the UI
- models of recipes: `managed_models`, by `managed_request` what is asked and `managed_entry` what stands in the file
- backends: `backends` their folders · `backend_jobs` and `backend_choices` what is done with them · `backend_notes`
  what to know before · `checkouts` git · `hooked_actions` what plugins add
- plugins: `plugin_lab` what they see · `actions` what they offer · `diagnostics` what they check, `plugin_checks` in
  a configuration
- requests of the past: `activity` what was asked and how it went · `curl` a captured request as a command
- people: `keyring` which key gives which role · `sessions` of browsers
- `demo` a configuration that runs here · `bundle` one file to attach to a report
"""

from __future__ import annotations
