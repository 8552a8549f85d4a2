alter table orders alter column amount type numeric(8, 0);
