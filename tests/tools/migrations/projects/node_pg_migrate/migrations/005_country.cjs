exports.up = async (pgm) => {
  pgm.addColumn("customers", { country: { type: "text" } });
  pgm.sql("update customers set country = case when id % 3 = 0 then 'SE' else 'DE' end");
  pgm.alterColumn("customers", "country", { notNull: true });
};
exports.down = false;
