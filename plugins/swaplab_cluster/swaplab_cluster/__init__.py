"""Several machines: which there are, how they are, and how engines and commands reach them.

- which there are: `inventory` values and rules, `inventory_file` text ↔ inventory (`yaml_text`), `inventory_edit`
  keeps a person's lines · `discovery` finds some · `enrolment` and `host_keys` pin them · `cluster_nodes` makes the
  daemon's nodes of them · `settings` what the operator may set
- how they are: `probe` one script and its reader · `looking` one look, `collector` all of them, `history` the last
  hours · `facts` and `node_status` what is known · `status` the answer of the API · `storage` paths, `model_cache`
  cached models · `node_log` the system log
- how they are reached: `ssh` and `agent_executor` executors, `gang` one engine on several nodes · `adapter`
  connections through fabric, `sessions` and `shell_sessions` shells, `remote` what is said to one, `programs` what
  runs there · `agent_client` calls of agents, `agent` the agent itself, `agent_install` and `own_wheels` bring it
  there
- what is done: `operations` drain, unload, stop, update · `draining` what takes no requests · `placement` where a
  model is loaded · `copying` models · `dgx` updates · `lab_root` where recipes lie there
- what people see: `hooks` what the core calls · `actions`, `inventory_actions`, `storage_actions` with `action_forms`
  · `routes`, `settings_routes`, `view_routes` · `pages` and `views` · `diagnostics`
- `live` ties all of it together while the daemon runs · `files` what is kept · `tasks` in the background
- for tests: `testing` fakes, `testing_*` real agents, machines, networks and sshds
"""

from __future__ import annotations
