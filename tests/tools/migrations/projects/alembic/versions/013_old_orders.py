"""old orders."""

from alembic import op

revision = "013"
down_revision = "012"


def upgrade() -> None:
    op.execute("delete from orders where placed_at < '2021-01-01'")
