const { Table, TableIndex } = require("typeorm");

module.exports = class Orders1700000000002 {
  name = "Orders1700000000002";
  async up(runner) {
    await runner.createTable(new Table({
      name: "orders",
      columns: [
        { name: "id", type: "bigint", isPrimary: true, isGenerated: true, generationStrategy: "increment" },
        { name: "customer_id", type: "bigint" },
        { name: "amount", type: "numeric", precision: 10, scale: 2 },
        { name: "placed_at", type: "date" },
      ],
      checks: [{ expression: "amount >= 0" }],
      foreignKeys: [{ columnNames: ["customer_id"], referencedTableName: "customers", referencedColumnNames: ["id"],
        onDelete: "CASCADE" }],
    }));
    await runner.createIndex("orders", new TableIndex({ name: "orders_customer_id", columnNames: ["customer_id"] }));
  }
  async down() {}
};
