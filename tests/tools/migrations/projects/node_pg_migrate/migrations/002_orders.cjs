exports.up = (pgm) => {
  pgm.createTable("orders", {
    id: "id",
    customer_id: { type: "integer", notNull: true, references: "customers", onDelete: "cascade" },
    amount: { type: "numeric(10, 2)", notNull: true, check: "amount >= 0" },
    placed_at: { type: "date", notNull: true },
  });
  pgm.createIndex("orders", "customer_id");
};
exports.down = false;
