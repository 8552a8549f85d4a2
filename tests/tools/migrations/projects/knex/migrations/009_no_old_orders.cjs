exports.up = async (knex) => {
  await knex.raw(
    "alter table orders add constraint orders_placed_at_check check (placed_at >= '2000-01-01') not valid");
  await knex.raw("alter table orders validate constraint orders_placed_at_check");
};
exports.down = () => { throw new Error("there is no way back"); };
