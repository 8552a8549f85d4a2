// A data source as `typeorm migration:run -d` wants it; pg reads PGOPTIONS from `options` of the connection.
const { DataSource } = require("typeorm");
module.exports = new DataSource({
  type: "postgres",
  url: process.env.DATABASE_URL,
  extra: { options: process.env.PGOPTIONS },
  migrations: [`${__dirname}/migrations/*.cjs`],
  migrationsTransactionMode: "each",
});
