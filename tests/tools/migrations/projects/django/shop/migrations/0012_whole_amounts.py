"""whole amounts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0011_mobile")]
    operations = [
        migrations.AlterField("order", "amount", models.DecimalField(max_digits=8, decimal_places=0)),
    ]
