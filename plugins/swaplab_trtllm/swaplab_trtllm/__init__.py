"""TensorRT-LLM for swaplab: spark recipe folders, sparkrun recipes in containers of their own, one node or several.

`backend` the driver: launch, fields to drop · `recipes` command lines and extra options out of recipes · `images` which
containers, and how their tags are ordered · `actions` what can be done with a folder · `usage` what the log tells ·
`options` what an entry may say.
"""

from __future__ import annotations
