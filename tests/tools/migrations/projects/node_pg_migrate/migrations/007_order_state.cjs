exports.up = (pgm) => {
  pgm.createType("order_state", ["new", "paid", "sent"]);
  pgm.addColumn("orders", { state: { type: "order_state", notNull: true, default: "new" } });
};
exports.down = false;
