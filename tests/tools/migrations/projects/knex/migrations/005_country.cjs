exports.up = async (knex) => {
  await knex.schema.alterTable("customers", (table) => table.text("country"));
  await knex("customers").update({ country: knex.raw("case when id % 3 = 0 then ? else ? end", ["SE", "DE"]) });
  await knex.schema.alterTable("customers", (table) => table.dropNullable("country"));
};
exports.down = () => { throw new Error("there is no way back"); };
