exports.up = (pgm) => {
  pgm.sql("alter table orders add constraint orders_placed_at_check check (placed_at >= '2000-01-01') not valid");
  pgm.sql("alter table orders validate constraint orders_placed_at_check");
};
exports.down = false;
