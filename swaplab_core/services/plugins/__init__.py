"""Plugins: what of them can be used.

`lab` what they see · `actions` what they offer · `diagnostics` what they check, `checks` in a configuration.
"""

from __future__ import annotations
