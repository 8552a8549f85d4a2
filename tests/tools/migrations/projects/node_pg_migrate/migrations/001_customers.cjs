exports.up = (pgm) => {
  pgm.createTable("customers", {
    id: "id",
    email: { type: "text", notNull: true, unique: true },
    name: { type: "text", notNull: true },
    created_at: { type: "timestamptz", notNull: true, default: pgm.func("current_timestamp") },
  }, { comment: "who has bought something; never drop table customers" });
};
exports.down = false;
