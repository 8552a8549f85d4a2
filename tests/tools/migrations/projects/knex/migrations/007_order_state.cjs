exports.up = (knex) =>
  knex.schema.alterTable("orders", (table) =>
    table.enu("state", ["new", "paid", "sent"], { useNative: true, enumName: "order_state" }).notNullable().defaultTo("new"));
exports.down = () => { throw new Error("there is no way back"); };
