"""whole amounts."""

import sqlalchemy as sa
from alembic import op

revision = "012"
down_revision = "011"


def upgrade() -> None:
    op.alter_column("orders", "amount", type_=sa.Numeric(8, 0))
