"""no old orders."""

from alembic import op

revision = "009"
down_revision = "008"


def upgrade() -> None:
    op.create_check_constraint(
        "orders_placed_at_check", "orders", "placed_at >= '2000-01-01'", postgresql_not_valid=True
    )
    op.execute("alter table orders validate constraint orders_placed_at_check")
