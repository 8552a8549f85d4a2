"""first rows."""

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"


def upgrade() -> None:
    customers = sa.table("customers", sa.column("id"), sa.column("email"), sa.column("name"))
    rows = [{"id": n, "email": f"user{n}@shop.example", "name": f"User {n}"} for n in range(1, 1001)]
    op.bulk_insert(customers, rows)
    op.execute(
        "insert into orders (id, customer_id, amount, placed_at) "
        "select i, i % 1000 + 1, i * 1.25, date '2020-01-01' + i % 2000 from generate_series(1, 3000) i"
    )
