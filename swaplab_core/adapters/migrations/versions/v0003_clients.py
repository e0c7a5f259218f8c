"""Who asked. llama-swap can still read and write the table: the new column has a default."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, unless it is there: SQLite may have been killed after it."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("activity")}
    if "client" not in there:
        op.add_column("activity", sa.Column("client", sa.Text(), nullable=False, server_default=""))
