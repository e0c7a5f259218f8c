"""Recipes, and the models that are made of them.

- `files` of recipes · `catalogue` all of them, as `world` finds them below `paths`
- `values` and `wizard` forms of a text · `trial` dry runs · `sync` to other machines · `offers` for cached weights
- `pages` and `actions` (with `forms`) in the UI
- `managed_models`, by `managed_request` what is asked and `managed_entry` what stands in the configuration
"""

from __future__ import annotations
