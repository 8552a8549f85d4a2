exports.up = (pgm) => {
  pgm.createTable("tags", { id: { type: "integer", primaryKey: true }, name: { type: "text", notNull: true, unique: true } });
  pgm.sql("insert into tags values (1, 'gift'), (2, 'express') on conflict do nothing");
  pgm.createTable("order_tags", {
    order_id: { type: "integer", primaryKey: true, references: "orders", onDelete: "cascade" },
    tag_id: { type: "integer", primaryKey: true, references: "tags" },
  });
};
exports.down = false;
