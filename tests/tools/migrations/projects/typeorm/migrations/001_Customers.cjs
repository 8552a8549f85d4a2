const { Table } = require("typeorm");

module.exports = class Customers1700000000001 {
  name = "Customers1700000000001";
  async up(runner) {
    await runner.createTable(new Table({
      name: "customers",
      columns: [
        { name: "id", type: "bigint", isPrimary: true, isGenerated: true, generationStrategy: "increment" },
        { name: "email", type: "text", isUnique: true },
        { name: "name", type: "text" },
        { name: "created_at", type: "timestamptz", default: "now()" },
      ],
      comment: "who has bought something; never drop table customers",
    }));
  }
  async down() {}
};
