"""An engine that always says the same, as a swaplab backend."""

from __future__ import annotations
