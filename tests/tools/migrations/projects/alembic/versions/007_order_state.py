"""order state."""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"


def upgrade() -> None:
    state = sa.Enum("new", "paid", "sent", name="order_state")
    state.create(op.get_bind())
    op.add_column("orders", sa.Column("state", state, server_default="new", nullable=False))
