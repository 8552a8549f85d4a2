exports.up = (knex) => knex.schema.alterTable("orders", (table) => table.decimal("amount", 8, 0).notNullable().alter());
exports.down = () => { throw new Error("there is no way back"); };
