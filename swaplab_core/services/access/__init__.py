"""People: `keyring` which key gives which role · `sessions` of browsers."""

from __future__ import annotations
