exports.up = (pgm) => pgm.addColumn("customers", { phone: { type: "text", notNull: true, default: "" } });
exports.down = false;
