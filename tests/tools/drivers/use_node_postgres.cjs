// What a program does with node-postgres (pg), printed line by line; `refused` prints what its user sees of a refusal.
const fs = require("fs");
const pg = require("pg");
const Cursor = require("pg-cursor");
const copy = require("pg-copy-streams");
const { pipeline } = require("stream/promises");
const { Readable, Writable } = require("stream");

const tls = process.env.PGSSLROOTCERT
  ? { ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT) }, enableChannelBinding: true }
  : {};
delete process.env.PGSSLMODE;
delete process.env.PGSSLROOTCERT;

const connect = async () => {
  const client = new pg.Client({ keepAlive: true, ...tls });
  client.on("notice", (notice) => console.log("notice", notice.severity, notice.code, notice.message));
  await client.connect();
  return client;
};
const told = (e) =>
  [e.name, e.code, e.message, e.detail, e.position, e.table, e.constraint].filter((part) => part).join(" / ");
const attempt = async (client, query) => {
  try {
    const result = await client.query(query);
    console.log(result.command, result.rowCount, JSON.stringify(result.rows));
  } catch (e) {
    console.log(told(e));
  }
};

async function ordinary() {
  const client = await connect();
  console.log("tls", !!client.connection.stream.encrypted);
  await attempt(client, { text: "select $1::text, $2::int, $3::int[], $4::bytea", values: ["é", 42, [1, 2], Buffer.from([0, 255])] });
  for (let i = 0; i < 5; i++)
    await client.query({ name: "by-id", text: "update notes set n = n + $1 where id = $2", values: [i, 1] });
  await attempt(client, "select n from notes where id = 1");
  await attempt(client, { text: "select n, id from notes where id < $1", values: [3], rowMode: "array" });
  await client.query("begin");
  await attempt(client, "update notes set n = 5 where id <= 40");
  await client.query("savepoint s");
  await attempt(client, "insert into notes values (1)");
  await attempt(client, "select 1");
  await client.query("rollback to s");
  await client.query("commit");
  await client.query("begin");
  await attempt(client, { text: "delete from notes where id between $1 and $2", values: [10, 19] });
  await client.query("rollback");
  // queued all at once, as an application that forgets to await does
  const queued = [1, 2, 3].map((i) => client.query("update notes set n = 7 where id = $1 returning id", [i]));
  console.log("queued", (await Promise.all(queued)).map((result) => result.rows[0].id));
  const many = await client.query("select 1 as a; update notes set n = 8 where id <= 20; select 2 as b");
  console.log("several", many.map((result) => `${result.command} ${result.rowCount}`));
  const into = client.query(copy.from("copy notes (id, body) from stdin"));
  await pipeline(Readable.from(Array.from({ length: 1500 }, (_, i) => `${5000 + i}\t${"copied ".repeat(20)}\n`)), into);
  let size = 0;
  const sink = new Writable({ write(chunk, _encoding, done) { size += chunk.length; done(); } });
  await pipeline(client.query(copy.to("copy (select * from notes where id >= 5000 order by id) to stdout")), sink);
  console.log("copied", into.rowCount, size);
  try {
    await pipeline(Readable.from(["not a number\n"]), client.query(copy.from("copy notes from stdin")));
  } catch (e) {
    console.log("copy", told(e));
  }
  const cursor = client.query(new Cursor("select id from notes where id > $1 order by id", [3]));
  console.log("cursor", (await cursor.read(3)).map((row) => row.id), (await cursor.read(50)).length);
  await cursor.close();
  const other = await connect();
  const sleeping = client.query("select pg_sleep(60)").catch((e) => console.log("cancelled", told(e)));
  await new Promise((done) => setTimeout(done, 700));
  new pg.Client().cancel(client, client.activeQuery); // it never sends a cancel over TLS
  await sleeping;
  const heard = [];
  client.on("notification", (note) => heard.push(note.payload));
  await client.query("listen news");
  await other.query("select pg_notify('news', 'from another')");
  await client.query("notify news, 'from myself'");
  await new Promise((done) => setTimeout(done, 300));
  console.log("notified", heard.sort());
  await attempt(client, "do $$ begin raise notice 'hello'; end $$");
  await attempt(client, "drop table if exists nowhere");
  for (const text of ["selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"]) {
    await attempt(client, text);
    await attempt(client, { text, values: [] , name: `named ${text}` });
  }
  await attempt(client, "create table made (id int generated always as identity, body text)");
  await attempt(client, { text: "insert into made (body) values ($1), ($2) returning *", values: ["x", null] });
  const large = await client.query("select repeat($1, 3) as text", ["x".repeat(500000)]);
  console.log("large", large.rows[0].text.length);
  await other.end();
  await client.end();
  const pool = new pg.Pool({ max: 3, ...tls });
  const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => pool.query("select $1::int as i", [i])));
  console.log("pool", answers.map((answer) => answer.rows[0].i));
  await pool.end();
}

async function refused() {
  const client = await connect();
  const see = async (query) => {
    try {
      await client.query(query);
    } catch (e) {
      console.log("seen", e.code, String(e));
    }
  };
  await see("delete from notes");
  await see({ text: "delete from notes where id > $1", values: [0] });
  await see({ name: "deletes", text: "delete from notes where id > $1", values: [0] });
  await client.query("begin");
  await client.query("insert into notes values (9000)");
  await see("delete from notes");
  await attempt(client, "select 1");
  await client.query("rollback");
  console.log("left", (await client.query("select count(*)::int as n from notes")).rows[0].n);
  await client.end();
}

const version = () => console.log(require("pg/package.json").version);
({ ordinary, refused, version })[process.argv[2]]();
