exports.up = async (knex) => {
  await knex.schema.createTable("tags", (table) => {
    table.integer("id").primary();
    table.text("name").notNullable().unique();
  });
  await knex("tags").insert([{ id: 1, name: "gift" }, { id: 2, name: "express" }]).onConflict("id").ignore();
  await knex.schema.createTable("order_tags", (table) => {
    table.bigInteger("order_id").references("orders.id").onDelete("CASCADE");
    table.integer("tag_id").references("tags.id");
    table.primary(["order_id", "tag_id"]);
  });
};
exports.down = () => { throw new Error("there is no way back"); };
