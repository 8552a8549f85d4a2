// What a program does with pgx, printed line by line; "refused" prints what its user sees of a refusal.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var all = context.Background()

func connect() *pgx.Conn {
	config, err := pgx.ParseConfig("") // PG* from the environment
	must(err)
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Println("notice", n.Severity, n.Code, n.Message) }
	connection, err := pgx.ConnectConfig(all, config)
	must(err)
	return connection
}

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func told(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return fmt.Sprint(e.Code, " / ", e.Message, " / ", e.Detail, " / ", e.Position, " / ", e.TableName, " / ", e.ConstraintName)
	}
	return fmt.Sprint(err)
}

func attempt(c interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, text string, values ...any) {
	tag, err := c.Exec(all, text, values...)
	fmt.Println(tag, told(err))
}

func ordinary() {
	c := connect()
	var a string
	var b int
	var d []int32
	must(c.QueryRow(all, "select $1::text, $2::int, $3::int[]", "é", 42, []int32{1, 2}).Scan(&a, &b, &d))
	fmt.Println(a, b, d)
	_, err := c.Prepare(all, "by_id", "update notes set n = n + $1 where id = $2")
	must(err)
	for i := range 5 {
		attempt(c, "by_id", i, 1)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		attempt(c, "update notes set n = n + $1::int where id < $2", mode, 1, 30)
	}
	must(c.QueryRow(all, "select sum(n) from notes").Scan(&b))
	fmt.Println("sum", b)
	t, err := c.Begin(all)
	must(err)
	attempt(t, "update notes set n = 5 where id <= 40")
	nested, err := t.Begin(all)
	must(err)
	attempt(nested, "insert into notes values (1)")
	attempt(nested, "select 1")
	must(nested.Rollback(all))
	attempt(t, "select 1")
	must(t.Commit(all))
	t, err = c.BeginTx(all, pgx.TxOptions{IsoLevel: pgx.Serializable})
	must(err)
	attempt(t, "delete from notes where id between $1 and $2", 10, 19)
	must(t.Rollback(all))
	batch := &pgx.Batch{}
	for i := range 20 {
		batch.Queue("update notes set n = 7 where id = $1", i)
	}
	batch.Queue("update notes set n = 8 where id <= $1", 20)
	batch.Queue("select 'é'")
	results := c.SendBatch(all, batch)
	for range batch.Len() {
		tag, err := results.Exec()
		fmt.Print(tag, told(err), "; ")
	}
	fmt.Println(results.Close())
	batch = &pgx.Batch{}
	batch.Queue("insert into notes values (3001)")
	batch.Queue("insert into notes values (1)")
	batch.Queue("insert into notes values (3002)")
	fmt.Println("batch", told(c.SendBatch(all, batch).Close()))
	must(c.PgConn().SyncConn(all))
	pipeline := c.PgConn().StartPipeline(all)
	pipeline.SendQueryParams("update notes set n = 9 where id < 50", nil, nil, nil, nil)
	must(pipeline.Sync())
	pipeline.SendQueryParams("select 1/0", nil, nil, nil, nil)
	pipeline.SendQueryParams("select 1", nil, nil, nil, nil)
	must(pipeline.Sync())
	for range 4 {
		result, err := pipeline.GetResults()
		if reader, ok := result.(*pgconn.ResultReader); ok {
			tag, err := reader.Close()
			fmt.Println("pipeline", tag, told(err))
		} else {
			fmt.Printf("pipeline %T %s\n", result, told(err))
		}
	}
	fmt.Println(pipeline.Close() == nil)
	rows := make([][]any, 1500)
	for i := range rows {
		rows[i] = []any{5000 + i, strings.Repeat("copied ", 20)}
	}
	fmt.Println(c.CopyFrom(all, pgx.Identifier{"notes"}, []string{"id", "body"}, pgx.CopyFromRows(rows)))
	var out bytes.Buffer
	tag, err := c.PgConn().CopyTo(all, &out, "copy (select * from notes where id >= 5000 order by id) to stdout")
	fmt.Println(tag, err, out.Len())
	_, err = c.PgConn().CopyFrom(all, strings.NewReader("not a number\n"), "copy notes from stdin")
	fmt.Println("copy", told(err))
	short, stop := context.WithTimeout(all, 700*time.Millisecond)
	_, err = c.Exec(short, "select pg_sleep(60)")
	stop()
	fmt.Println("timeout", errors.Is(err, context.DeadlineExceeded), c.IsClosed())
	c = connect()
	go func() {
		time.Sleep(700 * time.Millisecond)
		must(c.PgConn().CancelRequest(all))
	}()
	attempt(c, "select pg_sleep(60)")
	attempt(c, "listen news")
	other := connect()
	attempt(other, "select pg_notify('news', 'from another')")
	attempt(c, "notify news, 'from myself'")
	for range 2 {
		note, err := c.WaitForNotification(all)
		must(err)
		fmt.Println("notified", note.Payload)
	}
	attempt(c, "do $$ begin raise notice 'hello'; end $$")
	attempt(c, "drop table if exists nowhere")
	for _, text := range []string{"selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"} {
		attempt(c, text)
		attempt(c, text, pgx.QueryExecModeSimpleProtocol)
	}
	attempt(c, "create table made (id int generated always as identity, body text); create index on made (body)")
	attempt(c, "insert into made (body) values ($1), ($2)", "x", nil)
	must(c.QueryRow(all, "select repeat($1, 3)", strings.Repeat("x", 500000)).Scan(&a))
	fmt.Println("large", len(a))
	pool, err := pgxpool.New(all, "pool_max_conns=3")
	must(err)
	for i := range 9 {
		must(pool.QueryRow(all, "select $1::int", i).Scan(&b))
	}
	fmt.Println("pool", b)
	pool.Close()
}

func refused() {
	c := connect()
	for _, values := range [][]any{{}, {pgx.QueryExecModeSimpleProtocol}} {
		_, err := c.Exec(all, "delete from notes", values...)
		fmt.Println("seen", err)
	}
	batch := &pgx.Batch{}
	batch.Queue("update notes set n = 1 where id = 1")
	batch.Queue("delete from notes where id > $1", 0)
	batch.Queue("select 1")
	fmt.Println("seen", c.SendBatch(all, batch).Close())
	err := pgx.BeginFunc(all, c, func(t pgx.Tx) error {
		_, err := t.Exec(all, "insert into notes values (9000)")
		must(err)
		_, err = t.Exec(all, "delete from notes where id > $1", 0)
		return err
	})
	fmt.Println("seen", err)
	var left int
	must(c.QueryRow(all, "select count(*) from notes").Scan(&left))
	fmt.Println("left", left)
}

func main() {
	switch os.Args[1] {
	case "version":
		info, _ := debug.ReadBuildInfo()
		for _, one := range info.Deps {
			if strings.Contains(one.Path, "pgx") {
				fmt.Println(strings.TrimPrefix(one.Version, "v"))
			}
		}
	case "ordinary":
		ordinary()
	case "refused":
		refused()
	}
}
