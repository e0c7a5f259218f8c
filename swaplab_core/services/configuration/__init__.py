"""The configuration's file.

`editor` as it is edited · `preview` what a text would run · `model_entry` one entry as text and form ·
`plugin_settings` those of plugins.
"""

from __future__ import annotations
