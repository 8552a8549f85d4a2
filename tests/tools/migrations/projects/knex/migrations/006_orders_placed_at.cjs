exports.config = { transaction: false };
exports.up = (knex) => knex.raw("create index concurrently orders_placed_at on orders (placed_at)");
exports.down = () => { throw new Error("there is no way back"); };
