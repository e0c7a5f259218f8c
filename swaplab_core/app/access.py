"""Who may do what, from a configuration and the admin token of a user."""

from __future__ import annotations

import logging

from multidict import CIMultiDict

from swaplab_core.adapters.admin_token import NoTokenFolder, TokenFolder, new_token
from swaplab_core.adapters.state_folder import state_home
from swaplab_core.app.options import Options
from swaplab_core.config.schema import Config
from swaplab_core.server.security.access import Access
from swaplab_core.server.security.gate import OWN_HEADER

_log = logging.getLogger(__name__)


def token_folder(options: Options) -> TokenFolder:
    """The user's daemons share it, unless one was given a folder of its own."""
    return TokenFolder(options.state_folder or state_home())


def access_of(config: Config, options: Options) -> Access:
    """The policy of a configuration; without a folder for it the admin token lasts for this run only."""
    try:
        token = token_folder(options).admin_token()
    except NoTokenFolder as error:
        _log.warning("%s; until then the admin token changes with every start", error)
        token = new_token()
    return Access.of(config, token, host=options.host, is_exposed=options.is_exposed, is_insecure=options.is_insecure)


def as_administrator(access: Access) -> CIMultiDict[str]:
    """The headers by which the daemon's own requests are let through."""
    return CIMultiDict({"Authorization": f"Bearer {access.admin_token}", OWN_HEADER: "1"})
