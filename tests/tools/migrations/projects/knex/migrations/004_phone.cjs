exports.up = (knex) => knex.schema.alterTable("customers", (table) => table.text("phone").notNullable().defaultTo(""));
exports.down = () => { throw new Error("there is no way back"); };
