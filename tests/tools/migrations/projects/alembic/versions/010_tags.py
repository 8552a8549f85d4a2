"""tags."""

import sqlalchemy as sa
from alembic import op

revision = "010"
down_revision = "009"


def upgrade() -> None:
    tags = op.create_table(
        "tags", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text, nullable=False, unique=True)
    )
    op.bulk_insert(tags, [{"id": 1, "name": "gift"}, {"id": 2, "name": "express"}])
    op.create_table(
        "order_tags",
        sa.Column("order_id", sa.BigInteger, sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tags.id"), primary_key=True),
    )
