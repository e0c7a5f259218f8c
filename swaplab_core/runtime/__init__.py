"""The asyncio shells around pure decisions.

`dispatcher` steps the engine and hands out leases · `supervisor` runs upstreams · `launches` turns configuration and
drivers into launch specs · `logs` the last output of an upstream · `tasks` background tasks that cannot get lost ·
`metering` what a request took (with `response_body`, `decoding`, `scanning`, `token_times`, `error_text`) · `recorder`
writes that down · `captures` exchanges kept in memory.
"""

from __future__ import annotations
