exports.up = async (knex) => {
  await knex.schema.createView("unpaid_orders", (view) =>
    view.as(knex("orders").select("id", "customer_id").where("state", "new")));
  await knex.raw("create function order_label(bigint) returns text language sql immutable as $$ select '#' || $1 $$");
};
exports.down = () => { throw new Error("there is no way back"); };
