"""mobile."""

import sqlalchemy as sa
from alembic import op

revision = "011"
down_revision = "010"


def upgrade() -> None:
    op.add_column("customers", sa.Column("mobile", sa.Text))
    op.execute("update customers set mobile = phone")
    op.drop_column("customers", "phone")
