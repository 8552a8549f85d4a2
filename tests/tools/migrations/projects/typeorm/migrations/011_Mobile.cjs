const { TableColumn } = require("typeorm");

module.exports = class Mobile1700000000011 {
  name = "Mobile1700000000011";
  async up(runner) {
    await runner.addColumn("customers", new TableColumn({ name: "mobile", type: "text", isNullable: true }));
    await runner.manager.createQueryBuilder().update("customers").set({ mobile: () => "phone" }).execute();
    await runner.dropColumn("customers", "phone");
  }
  async down() {}
};
