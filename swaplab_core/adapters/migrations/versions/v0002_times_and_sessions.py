"""What llama-swap does not keep: times by our own clock, and the session a request belongs to.

llama-swap can still read and write the table: every new column has a default.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TIMES = ("ttft_ms", "wait_ms", "itl_ms", "itl_p95_ms")


def upgrade() -> None:
    """Add the columns that are not there: SQLite may have been killed between two of them."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("activity")}
    for name in _TIMES:
        if name not in there:
            op.add_column("activity", sa.Column(name, sa.Double(), nullable=True))
    if "session" not in there:
        op.add_column("activity", sa.Column("session", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_activity_session", "activity", ["session", "id"], if_not_exists=True)
