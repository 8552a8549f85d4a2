"""country."""

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"


def upgrade() -> None:
    op.add_column("customers", sa.Column("country", sa.Text))
    customers = sa.table("customers", sa.column("id", sa.BigInteger), sa.column("country", sa.Text))
    op.execute(customers.update().values(country=sa.case((customers.c.id % 3 == 0, "SE"), else_="DE")))
    op.alter_column("customers", "country", nullable=False)
