"""Answers that go on: `sse` what they share · `event_frames` events, with resuming · `log_lines` logs."""

from __future__ import annotations
