"""no old orders."""

from datetime import date

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0008_unpaid_orders")]
    operations = [
        AddConstraintNotValid(
            "order",
            models.CheckConstraint(
                condition=models.Q(placed_at__gte=date(2000, 1, 1)), name="orders_placed_at_check"
            ),
        ),
        ValidateConstraint("order", "orders_placed_at_check"),
    ]
