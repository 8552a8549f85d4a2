"""tags."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0009_no_old_orders")]
    operations = [
        migrations.CreateModel(
            name="Tag",
            fields=[("id", models.IntegerField(primary_key=True)), ("name", models.TextField(unique=True))],
            options={"db_table": "tags"},
        ),
        migrations.RunSQL("insert into tags values (1, 'gift'), (2, 'express') on conflict do nothing"),
        migrations.AddField("order", "tags", models.ManyToManyField(to="shop.tag", db_table="order_tags")),
    ]
