"""Requests for models.

- `openai` the routes, on `served_paths` · `incoming` what a request wants, in a body, a form (`multipart`) or a query
- `waiting` for a model, with the words of `narration`
- `observation` of a request until its end, and its line in the `access_log`
- `passthrough` /upstream, where `model_path` finds the model, and `forwarding` what is passed on as it is
"""

from __future__ import annotations
