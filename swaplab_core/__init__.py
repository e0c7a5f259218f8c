"""swaplab: a hot-swapping model proxy with an operations control plane.

The map, from the bottom up (imports point downwards only):

- `domain`    frozen values and errors: the words everything else is said in
- `config`    text → Config | problems, pure
- `engine`    (state, fact) → effects, pure: when a model starts, stops, is granted
- `routing`   from the name a client uses to what serves it, pure
- `ports`     the world as Protocols
- `plugin`    what plugin authors import: driver classes, hook specifications, the catalogue
- `adapters`  I/O behind the ports · `runtime`  asyncio shells around pure decisions
- `services`  use cases of the control plane · `builtin`  the core's own plugins
- `server`    HTTP in, domain values out
- `app`       every object is built here, by hand · `cli`  the commands
- `testing`   the public test kit; nobody in the product imports it

Public for plugin authors: `swaplab_core.plugin`, `.domain`, `.testing`. All else may change.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
