"""Requests of the past: `activity` what was asked and how it went, `history` how much of it is kept · `curl` a captured
request as a command.
"""

from __future__ import annotations
