create index concurrently orders_placed_at on orders (placed_at);
