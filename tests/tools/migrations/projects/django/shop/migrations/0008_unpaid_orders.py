"""unpaid orders."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0007_order_state")]
    operations = [
        migrations.RunSQL("create view unpaid_orders as select id, customer_id from orders where state = 'new'"),
        migrations.RunSQL(
            "create function order_label(bigint) returns text language sql immutable as $$ select '#' || $1 $$"
        ),
    ]
