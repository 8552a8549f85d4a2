exports.up = (pgm) => pgm.sql("delete from orders where placed_at < '2021-01-01'");
exports.down = false;
