exports.up = (knex) =>
  knex.schema.createTable("customers", (table) => {
    table.bigIncrements("id");
    table.text("email").notNullable().unique();
    table.text("name").notNullable();
    table.timestamp("created_at").notNullable().defaultTo(knex.fn.now());
    table.comment("who has bought something; never drop table customers");
  });
exports.down = () => { throw new Error("there is no way back"); };
