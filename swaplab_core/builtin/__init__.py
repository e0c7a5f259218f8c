"""The core's own plugins, registered through the same entry points as everybody's and held to the same rules.

`command_backend` runs a plain command line · `recipe_backend` runs folders that no other driver knows ·
`recipe_schema1` and `recipe_schema2` read recipes · `checkout_actions` what can be done with every backend folder ·
`pages` the core's own pages.
"""

from __future__ import annotations
