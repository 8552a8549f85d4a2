exports.up = (knex) =>
  knex.schema.createTable("orders", (table) => {
    table.bigIncrements("id");
    table.bigInteger("customer_id").notNullable().index("orders_customer_id")
      .references("customers.id").onDelete("CASCADE");
    table.decimal("amount", 10, 2).notNullable().checkBetween([0, 1000000]);
    table.date("placed_at").notNullable();
  });
exports.down = () => { throw new Error("there is no way back"); };
