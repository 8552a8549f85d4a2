"""orders."""

import sqlalchemy as sa
from alembic import op

revision = "002"
down_revision = "001"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger, sa.ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
        sa.Column("amount", sa.Numeric(10, 2), sa.CheckConstraint("amount >= 0"), nullable=False),
        sa.Column("placed_at", sa.Date, nullable=False),
    )
    op.create_index("orders_customer_id", "orders", ["customer_id"])
