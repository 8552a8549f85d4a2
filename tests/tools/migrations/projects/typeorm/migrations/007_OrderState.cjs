const { TableColumn } = require("typeorm");

module.exports = class OrderState1700000000007 {
  name = "OrderState1700000000007";
  async up(runner) {
    await runner.addColumn("orders", new TableColumn({
      name: "state", type: "enum", enum: ["new", "paid", "sent"], enumName: "order_state", default: "'new'" }));
  }
  async down() {}
};
