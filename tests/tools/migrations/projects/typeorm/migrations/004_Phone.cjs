const { TableColumn } = require("typeorm");

module.exports = class Phone1700000000004 {
  name = "Phone1700000000004";
  async up(runner) {
    await runner.addColumn("customers", new TableColumn({ name: "phone", type: "text", default: "''" }));
  }
  async down() {}
};
