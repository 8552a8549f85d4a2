// What a program does with postgres.js, printed line by line; `refused` prints what its user sees of a refusal.
const fs = require("fs");
const postgres = require("postgres");
const { Readable, Writable } = require("stream");
const { pipeline } = require("stream/promises");

const ssl = process.env.PGSSLROOTCERT ? { ca: fs.readFileSync(process.env.PGSSLROOTCERT) } : false;
const connect = (options) =>
  postgres({ ssl, max: 1, database: process.env.PGDATABASE, onnotice: (n) => console.log("notice", n.severity, n.code, n.message), ...options });
const told = (e) =>
  [e.name, e.code, e.message, e.detail, e.position, e.table_name, e.constraint_name].filter((part) => part).join(" / ");
const attempt = async (asked) => {
  try {
    const rows = await asked;
    console.log(rows.command, rows.count, JSON.stringify(rows));
  } catch (e) {
    console.log(told(e));
  }
};

async function ordinary() {
  const sql = connect();
  await attempt(sql`select ${"é"}::text as a, ${42}::int as b, ${[1, 2]}::int[] as c, ${Buffer.from([0, 255])}::bytea as d`);
  for (let i = 0; i < 5; i++) await sql`update notes set n = n + ${i} where id = ${1}`;
  await attempt(sql`select n from notes where id = 1`);
  await sql.begin(async (sql) => {
    await attempt(sql`update notes set n = 5 where id <= 40`);
    await sql.savepoint((sql) => sql`insert into notes values (1)`).catch((e) => console.log(told(e)));
    await attempt(sql`select count(*)::int as n from notes`);
  });
  await sql.begin(async (sql) => {
    await attempt(sql`delete from notes where id between ${10} and ${19}`);
    throw new Error("rolled back");
  }).catch((e) => console.log(e.message));
  // an array of queries goes out as one pipeline
  const several = await sql.begin((sql) => [1, 2, 3].map((i) => sql`update notes set n = 7 where id = ${i} returning id`));
  console.log("pipeline", several.map((rows) => rows[0].id));
  const outside = await Promise.all([4, 5, 6].map((i) => sql`update notes set n = n + 1 where id = ${i} returning n`));
  console.log("pipeline outside", outside.map((rows) => rows[0].n));
  const mixed = await Promise.allSettled([sql`select 1`, sql`select 1/0`, sql`select 2`]);
  console.log("mixed", mixed.map((one) => one.status));
  console.log((await sql.unsafe("select 1 as a; update notes set n = 8 where id <= 20; select 2 as b")).length);
  await attempt(sql`insert into notes ${sql([{ id: 4000, body: "a" }, { id: 4001, body: "b" }])} returning id`);
  const into = await sql`copy notes (id, body) from stdin`.writable();
  await pipeline(Readable.from(Array.from({ length: 1500 }, (_, i) => `${5000 + i}\t${"copied ".repeat(20)}\n`)), into);
  let size = 0;
  const sink = new Writable({ write(chunk, _encoding, done) { size += chunk.length; done(); } });
  await pipeline(await sql`copy (select * from notes where id >= 5000 order by id) to stdout`.readable(), sink);
  console.log("copied", size);
  let pieces = [];
  await sql`select id from notes order by id`.cursor(400, (rows) => { pieces.push(rows.length); });
  console.log("cursor", pieces);
  const sleeping = sql`select pg_sleep(60)`.execute();
  setTimeout(() => sleeping.cancel(), 700);
  await attempt(sleeping);
  const heard = [];
  const listening = await sql.listen("news", (payload) => heard.push(payload));
  await sql.notify("news", "from another");
  await new Promise((done) => setTimeout(done, 300));
  console.log("notified", heard);
  await listening.unlisten();
  await attempt(sql`do $$ begin raise notice 'hello'; end $$`);
  await attempt(sql`drop table if exists nowhere`);
  for (const text of ["selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"]) {
    await attempt(sql.unsafe(text));
    await attempt(sql.unsafe(text, [], { prepare: true }));
  }
  await attempt(sql`create table made (id int generated always as identity, body text)`);
  await attempt(sql`insert into made (body) values (${"x"}), (${null}) returning *`);
  console.log("large", (await sql`select repeat(${"x".repeat(500000)}, 3) as text`)[0].text.length);
  console.log("described", (await sql`select id, body from notes where id = ${1}`.describe()).columns.map((c) => c.name));
  const reserved = await sql.reserve();
  await attempt(reserved`select 1 as reserved`);
  reserved.release();
  await sql.end();
}

async function refused() {
  const sql = connect();
  const see = (asked) => asked.catch((e) => console.log("seen", e.code, String(e)));
  await see(sql.unsafe("delete from notes"));
  await see(sql`delete from notes where id > ${0}`);
  await see(sql.begin(async (sql) => { await sql`insert into notes values (9000)`; await sql`delete from notes`; }));
  await see(sql.begin((sql) => [sql`select 1`, sql`delete from notes`, sql`select 2`]));
  console.log("left", (await sql`select count(*)::int as n from notes`)[0].n);
  await sql.end();
}

const version = () => console.log(JSON.parse(fs.readFileSync(`${process.env.NODE_PATH}/postgres/package.json`)).version);
({ ordinary, refused, version })[process.argv[2]]();
