exports.up = (pgm) => {
  pgm.createView("unpaid_orders", {}, "select id, customer_id from orders where state = 'new'");
  pgm.createFunction("order_label", ["bigint"], { returns: "text", language: "sql", behavior: "IMMUTABLE" },
    "select '#' || $1");
};
exports.down = false;
