"""HTTP in, domain values out: no decisions.

- all of it: `application` mounts the routes of a table, `route` · `errors` and `ops_errors` say what an exception
  becomes · `body` reads JSON · `heads` HEAD of a route that streams
- `security`: who may
- `inference`: requests for models, on their long way · `express` the short way of plain ones
- `api`: the control plane, with the `shapes` of its answers and its `streams` · `openapi` all of it described
- `metrics`: what is counted for Prometheus
- `plugins`: the routes they bring · `ui` the pages
"""

from __future__ import annotations
