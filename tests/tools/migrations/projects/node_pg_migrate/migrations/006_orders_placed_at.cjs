exports.up = (pgm) => {
  pgm.noTransaction();
  pgm.createIndex("orders", "placed_at", { name: "orders_placed_at", concurrently: true });
};
exports.down = false;
