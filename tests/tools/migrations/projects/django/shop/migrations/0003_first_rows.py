"""first rows."""

from datetime import date, timedelta
from decimal import Decimal

from django.db import migrations


def fill(apps, schema_editor):
    """By the models, as data migrations do."""
    customer, order = apps.get_model("shop", "Customer"), apps.get_model("shop", "Order")
    customer.objects.bulk_create(
        customer(id=n, email=f"user{n}@shop.example", name=f"User {n}") for n in range(1, 1001)
    )
    first = date(2020, 1, 1)
    order.objects.bulk_create(
        order(customer_id=n % 1000 + 1, amount=Decimal("1.25") * n, placed_at=first + timedelta(n % 2000))
        for n in range(1, 3001)
    )


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_orders")]
    operations = [migrations.RunPython(fill)]
