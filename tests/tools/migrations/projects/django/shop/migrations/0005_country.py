"""country: a column, its backfill and NOT NULL in one transaction."""

from django.db import migrations, models
from django.db.models.functions import Mod


def fill(apps, schema_editor):
    """One UPDATE, by the models."""
    country = models.Case(
        models.When(remainder=0, then=models.Value("SE")), default=models.Value("DE"), output_field=models.CharField()
    )
    customers = apps.get_model("shop", "Customer").objects
    customers.annotate(remainder=Mod("id", 3)).update(country=country)


class Migration(migrations.Migration):
    dependencies = [("shop", "0004_phone")]
    operations = [
        migrations.AddField("customer", "country", models.CharField(max_length=2, null=True)),
        migrations.RunPython(fill),
        migrations.AlterField("customer", "country", models.CharField(max_length=2)),
    ]
