"""How a daemon was asked to serve."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from swaplab_core.adapters.tls import TlsFiles
from swaplab_core.server.application import DEFAULT_MAX_BODY_MIB
from swaplab_core.server.inference.waiting import KEEP_ALIVE_SECONDS
from swaplab_core.server.security.rate_limit import RateLimit

DRAIN_SECONDS = 30.0


@frozen
class Options:
    """How to serve.

    `replace_at_once`: a changed model is replaced without waiting for its streams to end. `keep_alive_seconds`: how
    long a client that waits for a stream may hear nothing. `state_folder` is for what survives a restart; None means
    places that follow from the user and the configuration. `host` is what it listens on, `is_exposed`: other machines
    can reach that, `is_insecure`: they may use it without a key. `drain_seconds`: how long running requests may go on
    when the daemon is asked to stop. `rate_limit`: how often one client may ask, None for any. `security_headers`: tell
    browsers to be careful with every answer.
    """

    max_body_mib: int = DEFAULT_MAX_BODY_MIB
    watch: bool = False
    replace_at_once: bool = False
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    state_folder: Path | None = None
    host: str = ""
    is_exposed: bool = False
    is_insecure: bool = False
    tls: TlsFiles | None = None
    drain_seconds: float = DRAIN_SECONDS
    rate_limit: RateLimit | None = None
    security_headers: bool = True
