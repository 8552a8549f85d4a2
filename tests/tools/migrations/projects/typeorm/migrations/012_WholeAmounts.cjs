module.exports = class WholeAmounts1700000000012 {
  name = "WholeAmounts1700000000012";
  async up(runner) {
    await runner.query("alter table orders alter column amount type numeric(8, 0)");
  }
  async down() {}
};
