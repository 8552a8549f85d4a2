exports.up = (knex) => knex("orders").where("placed_at", "<", "2021-01-01").del();
exports.down = () => { throw new Error("there is no way back"); };
