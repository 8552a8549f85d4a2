"""orders."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_customers")]
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("customer", models.ForeignKey(to="shop.customer", on_delete=models.CASCADE)),
                ("amount", models.DecimalField(max_digits=10, decimal_places=2)),
                ("placed_at", models.DateField()),
            ],
            options={"db_table": "orders"},
        )
    ]
