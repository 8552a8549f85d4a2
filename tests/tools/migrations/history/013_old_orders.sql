delete from orders where placed_at < '2021-01-01';
