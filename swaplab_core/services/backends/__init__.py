"""Backends on this machine.

`folders` of them · `jobs` and `choices` what is done with them · `notes` what to know before · `checkouts` git ·
`hooked_actions` what plugins add.
"""

from __future__ import annotations
