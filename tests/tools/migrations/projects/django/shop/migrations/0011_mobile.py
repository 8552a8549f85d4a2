"""mobile: a new column takes over what an old one has, which goes."""

from django.db import migrations, models


def copy(apps, schema_editor):
    """One UPDATE, by the models."""
    apps.get_model("shop", "Customer").objects.update(mobile=models.F("phone"))


class Migration(migrations.Migration):
    dependencies = [("shop", "0010_tags")]
    operations = [
        migrations.AddField("customer", "mobile", models.CharField(max_length=40, null=True)),
        migrations.RunPython(copy),
        migrations.RemoveField("customer", "phone"),
    ]
