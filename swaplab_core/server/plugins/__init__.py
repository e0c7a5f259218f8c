"""Routes of plugins: `routes` mounts them, `claims` says whose a path is."""

from __future__ import annotations
