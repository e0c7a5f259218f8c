"""The table `activity`, as llama-swap has it: a file that llama-swap wrote is taken over with all its rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, unless it is there."""
    if sa.inspect(op.get_bind()).has_table("activity"):
        return
    op.create_table(
        "activity",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("ts_created", sa.BigInteger(), nullable=False),
        _text("model_id"),
        _text("req_path"),
        _text("resp_content_type"),
        _whole("resp_status_code"),
        _whole("cache_tokens"),
        _whole("draft_tokens"),
        _whole("draft_acc_tokens"),
        _whole("input_tokens"),
        _whole("output_tokens"),
        _real("prompt_per_second"),
        _real("tokens_per_second"),
        _whole("duration_ms"),
        _text("error_msg"),
        _text("metadata_json"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_activity_ts", "activity", ["ts_created", "id"])
    op.create_index("ix_activity_model", "activity", ["model_id", "ts_created", "id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=False, server_default="0")
