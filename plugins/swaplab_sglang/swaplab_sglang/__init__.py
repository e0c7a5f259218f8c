"""SGLang for swaplab: spark recipe folders, sparkrun recipes in containers of their own.

`backend` the driver: launch, memory release · `recipes` command lines out of recipes, and what they run into ·
`images` which containers · `actions` what can be done with a folder · `usage` what log and answers tell · `options`
what an entry may say.
"""

from __future__ import annotations
