"""HTTP in, domain values out: no decisions.

`application` mounts the routes · `openai` inference · `passthrough` /upstream · `api_models`, `api_plugins` the control
plane · `ui` the page · `body` and `paths` find the model in a request · `errors` says what an exception becomes.
"""

from __future__ import annotations
