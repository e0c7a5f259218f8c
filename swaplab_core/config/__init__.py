"""Text → `Config`, or problems with their lines. Pure: no file is read or written here.

The way of a text, one module each: `environment` puts `${env.X}` in · `text` reads YAML into a `document` · `merge`
joins several files · `legacy` translates older shapes · `expansion` puts `macros` and ports in · `assembly` makes
values of it by the `converter` and has them `resolve`d · `check` applies the rules over several keys. `load` is all
of it.

- what there is: `schema` defines the file, `structure` says how its classes stand for mappings
- reading YAML: `slices` cuts a text where that is safe, `builder` makes nodes of the parser's events, `scalars` says
  what a plain word is, `yaml_errors` what the parser minds
- reading values: `readers` plain types, `misfit` what is raised for one that does not fit, `commands` a command
  string as argv, `patterns` regular expressions, `didyoumean` the nearest name
- rules: `check_names`, `check_values`
- plugins: `switches` which of them a file leaves out
- changing a text: `edit` line by line, `entry` the lines of one model, on the `outline` of where things lie · `emit`
  writes YAML · `redact` takes the secrets out · `convert` writes the strict form of an old file
- `diff` what changed between two configurations · `json_schema` the file described for editors
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
