"""llama.cpp for swaplab: model entries with typed options instead of a command line.

`options` what an entry may say, and the flag of each option · `backend` the driver: launch, progress, usage · `demo`
the models that `swaplab demo` can show.
"""

from __future__ import annotations
