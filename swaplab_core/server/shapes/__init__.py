"""The JSON of answers, for several routes and the event stream.

`projections` models, requests, the state of all · `jobs` · `activity` rows and captures · `recipes`, `recipe_status`.
"""

from __future__ import annotations
