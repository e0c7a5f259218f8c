"""TODO builtin."""

from __future__ import annotations
