"""Text → `Config`, or problems with their lines. Pure: no file is read or written here.

The way of a text, one module each: `environment` puts `${env.X}` in · `text` reads YAML into a `document` · `merge`
joins several files · `legacy` translates older shapes · `expansion` puts `macros` and ports in · `assembly` makes
values of it by the `converter` and has them `resolve`d · `check` applies the rules over several keys. `load` is all of
it. `schema` defines the file, `structure` says how its classes stand for mappings. `diff` says what changed between
two configurations, `json_schema` describes the file for editors, `convert` writes the strict form of an old file.
"""

from __future__ import annotations

from swaplab_core.config.diff import Difference, diff
from swaplab_core.config.load import BackendSchema, Loaded, Source, load
from swaplab_core.config.schema import Config, GroupConfig, MatrixConfig, ModelConfig

__all__ = [
    "BackendSchema",
    "Config",
    "Difference",
    "GroupConfig",
    "Loaded",
    "MatrixConfig",
    "ModelConfig",
    "Source",
    "diff",
    "load",
]
