exports.up = (pgm) => pgm.alterColumn("orders", "amount", { type: "numeric(8, 0)" });
exports.down = false;
