"""order state."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0006_orders_placed_at")]
    operations = [
        migrations.AddField(
            "order", "state", models.CharField(max_length=4, choices=[("new", "new"), ("paid", "paid")], default="new")
        )
    ]
