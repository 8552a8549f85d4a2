"""phone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_first_rows")]
    operations = [
        migrations.AddField("customer", "phone", models.CharField(max_length=40, default=""))
    ]
