const { TableColumn } = require("typeorm");

module.exports = class Country1700000000005 {
  name = "Country1700000000005";
  async up(runner) {
    await runner.addColumn("customers", new TableColumn({ name: "country", type: "text", isNullable: true }));
    await runner.manager.createQueryBuilder().update("customers")
      .set({ country: () => "case when id % 3 = 0 then 'SE' else 'DE' end" }).execute();
    await runner.query(`alter table customers alter column country set not null`);
  }
  async down() {}
};
