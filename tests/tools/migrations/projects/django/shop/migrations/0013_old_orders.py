"""old orders: the ORM collects what refers to them and deletes in pieces, by key."""

from datetime import date

from django.db import migrations


def clean_up(apps, schema_editor):
    """What goes with them (their tags) is found by the ORM, not by the database."""
    apps.get_model("shop", "Order").objects.filter(placed_at__lt=date(2021, 1, 1)).delete()


class Migration(migrations.Migration):
    dependencies = [("shop", "0012_whole_amounts")]
    operations = [migrations.RunPython(clean_up)]
