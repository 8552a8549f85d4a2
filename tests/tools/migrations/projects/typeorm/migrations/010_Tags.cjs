const { Table } = require("typeorm");

module.exports = class Tags1700000000010 {
  name = "Tags1700000000010";
  async up(runner) {
    await runner.createTable(new Table({
      name: "tags", columns: [{ name: "id", type: "int", isPrimary: true }, { name: "name", type: "text", isUnique: true }] }));
    await runner.manager.createQueryBuilder().insert().into("tags", ["id", "name"])
      .values([{ id: 1, name: "gift" }, { id: 2, name: "express" }]).orIgnore().execute();
    await runner.createTable(new Table({
      name: "order_tags",
      columns: [{ name: "order_id", type: "bigint", isPrimary: true }, { name: "tag_id", type: "int", isPrimary: true }],
      foreignKeys: [
        { columnNames: ["order_id"], referencedTableName: "orders", referencedColumnNames: ["id"], onDelete: "CASCADE" },
        { columnNames: ["tag_id"], referencedTableName: "tags", referencedColumnNames: ["id"] },
      ],
    }));
  }
  async down() {}
};
