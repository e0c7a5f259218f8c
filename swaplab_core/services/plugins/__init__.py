"""Plugins: what of them can be used.

`lab` what they see · `actions` what they offer · `diagnostics` what they check, `checks` in a configuration ·
`switches` which of them are loaded.
"""

from __future__ import annotations
