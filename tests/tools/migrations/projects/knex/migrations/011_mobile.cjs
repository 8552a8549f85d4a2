exports.up = async (knex) => {
  await knex.schema.alterTable("customers", (table) => table.text("mobile"));
  await knex("customers").update({ mobile: knex.ref("phone") });
  await knex.schema.alterTable("customers", (table) => table.dropColumn("phone"));
};
exports.down = () => { throw new Error("there is no way back"); };
