"""HTTP in, domain values out: no decisions.

- all of it: `application` mounts the routes of a table, `route` · `errors` and `ops_errors` say what an exception
  becomes
- who may: `gate` before every handler, by the rules of `access` · `credentials` and `browsers` what a request says of
  itself · `sender` who it was · `rate_limit` how often · `security_headers` what browsers are told
- inference: `openai`, on `inference_paths` · `incoming` what a request wants, in a `body`, a form (`multipart`) or a
  query · `waiting` for a model, with the words of `narration` · `observation` of a request until its end ·
  `passthrough` /upstream, by `paths` and `through` · `express` the short way of plain requests
- the control plane: `api_*`, one module for each thing that is asked about · JSON: `projections`, `job_shapes`,
  `recipe_shapes`, `recipe_status`, `activity_shapes` · `activity_query` and `activity_export` · `revisions` entity
  tags · `openapi` all of it described
- streams: `sse` what they share · `event_frames` events · `log_lines` logs · `heads` HEAD of a route that streams
- metrics: `metrics` counts (`tallies`), `exposition` writes them, `engine_metrics` those of engines · `access_log`
- plugins: `plugin_routes` mounts theirs, `claims` whose a path is · `manifest` what they show, `module_files` their
  files
- pages: `ui` what was built, or the `plain_page`
"""

from __future__ import annotations
