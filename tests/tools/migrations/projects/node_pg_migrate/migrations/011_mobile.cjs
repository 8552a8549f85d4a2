exports.up = (pgm) => {
  pgm.addColumn("customers", { mobile: { type: "text" } });
  pgm.sql("update customers set mobile = phone");
  pgm.dropColumn("customers", "phone");
};
exports.down = false;
