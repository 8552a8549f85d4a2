module.exports = class OldOrders1700000000013 {
  name = "OldOrders1700000000013";
  async up(runner) {
    await runner.manager.createQueryBuilder().delete().from("orders").where("placed_at < :day", { day: "2021-01-01" }).execute();
  }
  async down() {}
};
