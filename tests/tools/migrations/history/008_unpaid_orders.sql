create view unpaid_orders as select id, customer_id from orders where state = 'new';
create function order_label(bigint) returns text language sql immutable as 'select ''#'' || $1';
