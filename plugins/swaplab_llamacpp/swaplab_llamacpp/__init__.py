"""llama.cpp for swaplab: typed options instead of a command line, recipes of spark-llama-cpp, presets for a router.

`options` what an entry may say, and the flag of each option · `backend` the driver: launch · `recipes` formats of
recipes, and command lines out of them · `images` which containers · `actions` what can be done with a folder · `usage`
what the log tells · `demo` the models that `swaplab demo` can show.
"""

from __future__ import annotations
