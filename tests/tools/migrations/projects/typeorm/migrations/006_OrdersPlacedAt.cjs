module.exports = class OrdersPlacedAt1700000000006 {
  name = "OrdersPlacedAt1700000000006";
  transaction = false;
  async up(runner) {
    await runner.query("create index concurrently orders_placed_at on orders (placed_at)");
  }
  async down() {}
};
