module.exports = class NoOldOrders1700000000009 {
  name = "NoOldOrders1700000000009";
  async up(runner) {
    await runner.query(
      "alter table orders add constraint orders_placed_at_check check (placed_at >= '2000-01-01') not valid");
    await runner.query("alter table orders validate constraint orders_placed_at_check");
  }
  async down() {}
};
