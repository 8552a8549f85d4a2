// knex's own settings: the database comes from the environment, PGOPTIONS included.
module.exports = {
  client: "pg",
  connection: { connectionString: process.env.DATABASE_URL, options: process.env.PGOPTIONS },
  migrations: { directory: "./migrations", loadExtensions: [".cjs"] },
};
