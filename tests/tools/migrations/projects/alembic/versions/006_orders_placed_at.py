"""orders placed at."""

from alembic import op

revision = "006"
down_revision = "005"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("orders_placed_at", "orders", ["placed_at"], postgresql_concurrently=True)
