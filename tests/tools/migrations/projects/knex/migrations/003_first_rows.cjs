exports.up = async (knex) => {
  const customers = Array.from({ length: 1000 }, (_, i) => ({ email: `user${i}@shop.example`, name: `User ${i}` }));
  await knex.batchInsert("customers", customers, 250);
  await knex.raw(`insert into orders (customer_id, amount, placed_at)
    select i % 1000 + 1, i * 1.25, date '2020-01-01' + i % 2000 from generate_series(1, 3000) i`);
};
exports.down = () => { throw new Error("there is no way back"); };
