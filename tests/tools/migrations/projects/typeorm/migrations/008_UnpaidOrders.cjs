const { View } = require("typeorm");

module.exports = class UnpaidOrders1700000000008 {
  name = "UnpaidOrders1700000000008";
  async up(runner) {
    await runner.createView(new View({
      name: "unpaid_orders", expression: "select id, customer_id from orders where state = 'new'" }));
    await runner.query(
      "create function order_label(bigint) returns text language sql immutable as $$ select '#' || $1 $$");
  }
  async down() {}
};
