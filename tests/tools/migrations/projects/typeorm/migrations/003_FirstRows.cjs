module.exports = class FirstRows1700000000003 {
  name = "FirstRows1700000000003";
  async up(runner) {
    await runner.query(`insert into customers (email, name)
      select 'user' || i || '@shop.example', 'User ' || i from generate_series(1, 1000) i`);
    await runner.query(`insert into orders (customer_id, amount, placed_at)
      select i % 1000 + 1, i * 1.25, date '2020-01-01' + i % 2000 from generate_series(1, 3000) i`);
  }
  async down() {}
};
