"""The asyncio shells around pure decisions.

- models: `dispatcher` steps the engine and hands out leases, a `tape` remembers its steps · `scheduling` what the
  engine must know of a configuration · `supervisor` runs upstreams, each an `upstream` (`launch_steps` before and
  after it, `sleeping` may it?, `logs` its last output) · `launches` turns configuration and drivers into launch specs
  · `placement` on which machine and port · `nodes` machines and their executors · `memory` what models have taken
- jobs: `jobs`
- requests: `inflight` who waits for what · `metering` what one took (with `response_body`, `decoding`, `scanning`,
  `token_times`, `error_text`) · `recorder` writes that down · `captures` exchanges kept in memory
- what happens: `bus` events · `timeline` which model was where · `logbook` every log, `proxy_log` our own ·
  `performance` how busy the machine is, `hardware` what it is
- the daemon: `reload` a new configuration in force · `tasks` background tasks that cannot get lost · `interpreter`
  Python tuned for a daemon
"""

from __future__ import annotations
