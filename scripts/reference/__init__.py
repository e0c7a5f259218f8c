"""One module for each generated page of docs/reference, each with `page() -> str`; `markdown`, `includes` serve all."""

from __future__ import annotations
