"""Several machines: which there are, how they are, and how engines and commands reach them."""

from __future__ import annotations
