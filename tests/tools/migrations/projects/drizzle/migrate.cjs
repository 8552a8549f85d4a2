// Drizzle's migrator as applications call it. `drizzle-kit migrate` does the same and shows no error, whatever it is.
const { Client } = require("pg");
const { drizzle } = require("drizzle-orm/node-postgres");
const { migrate } = require("drizzle-orm/node-postgres/migrator");

async function main() {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    await migrate(drizzle(client), { migrationsFolder: "./drizzle" });
  } finally {
    await client.end();
  }
}

main().catch((trouble) => {
  console.error(trouble);
  process.exit(1);
});
