// Runs the lines of its input at the console with node-postgres: a command, and behind tabs the values of its parameters.
const fs = require("fs");
const pg = require("pg");

const show = (rows) => rows.map((row) => row.map((value) => (value === null ? "null" : value)).join("|"));

(async () => {
  const how = process.argv[2];
  delete process.env.PGSSLMODE;
  const pool = new pg.Pool({ max: 1, database: "pgguard" });
  if (how === "transactions") await pool.query("begin");
  for (const line of fs.readFileSync(0, "utf8").split("\n").filter((line) => line)) {
    const [text, ...values] = line.split("\t");
    const named = how === "extended" && values.length ? { name: text } : {};
    try {
      const result = await pool.query({ text, values: how === "simple" ? undefined : values, rowMode: "array", ...named });
      if (!result.fields.length) console.log("done", result.command);
      else console.log([result.fields.map((field) => field.name).join(" "), ...show(result.rows)].join("\n"));
    } catch (e) {
      console.log("error", e.code, e.message);
    }
  }
  if (how === "transactions") await pool.query("commit");
  await pool.end();
})();
