"""phone."""

import sqlalchemy as sa
from alembic import op

revision = "004"
down_revision = "003"


def upgrade() -> None:
    op.add_column("customers", sa.Column("phone", sa.Text, nullable=False, server_default=""))
