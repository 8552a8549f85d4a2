exports.up = (pgm) => {
  pgm.sql(`insert into customers (email, name)
    select 'user' || i || '@shop.example', 'User ' || i from generate_series(1, 1000) i`);
  pgm.sql(`insert into orders (customer_id, amount, placed_at)
    select i % 1000 + 1, i * 1.25, date '2020-01-01' + i % 2000 from generate_series(1, 3000) i`);
};
exports.down = false;
