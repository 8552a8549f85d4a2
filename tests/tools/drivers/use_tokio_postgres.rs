// What a program does with tokio-postgres, printed line by line; `refused` prints what its user sees of a refusal.
use bytes::Bytes;
use futures_util::{future::join_all, pin_mut, stream, SinkExt, StreamExt, TryStreamExt};
use std::env;
use std::time::Duration;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, Error, SimpleQueryMessage};

fn tls() -> postgres_native_tls::MakeTlsConnector {
    let mut building = native_tls::TlsConnector::builder();
    if let Ok(path) = env::var("PGSSLROOTCERT") {
        building.add_root_certificate(native_tls::Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap());
    }
    postgres_native_tls::MakeTlsConnector::new(building.build().unwrap())
}

async fn connect() -> (Client, UnboundedReceiver<String>) {
    let of = |name: &str| env::var(name).unwrap();
    let mut config = Config::new();
    config.host(of("PGHOST")).port(of("PGPORT").parse().unwrap()).user(of("PGUSER"));
    config.password(of("PGPASSWORD")).dbname(of("PGDATABASE"));
    if env::var("PGSSLROOTCERT").is_ok() {
        config.ssl_mode(SslMode::Require).channel_binding(ChannelBinding::Require);
    } else {
        config.ssl_mode(SslMode::Disable);
    }
    let (client, mut connection) = config.connect(tls()).await.unwrap();
    let (say, hear) = unbounded_channel();
    tokio::spawn(async move {
        let messages = stream::poll_fn(move |context| connection.poll_message(context));
        pin_mut!(messages);
        while let Some(Ok(message)) = messages.next().await {
            match message {
                AsyncMessage::Notice(n) => println!("notice {} {} {}", n.severity(), n.code().code(), n.message()),
                AsyncMessage::Notification(n) => say.send(n.payload().to_string()).unwrap_or(()),
                _ => {}
            }
        }
    });
    (client, hear)
}

fn told(error: Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("{} / {} / {:?} / {:?} / {:?}", e.code().code(), e.message(), e.position(), e.table(), e.constraint()),
        None => error.to_string(),
    }
}

fn shown<T: std::fmt::Debug>(what: &str, result: Result<T, Error>) {
    match result {
        Ok(value) => println!("{what} {value:?}"),
        Err(error) => println!("{what} {}", told(error)),
    }
}

async fn ordinary() {
    let (mut client, mut heard) = connect().await;
    let row = client.query_one("select $1::text, $2::int, $3::int[]", &[&"é", &42i32, &vec![1i32, 2]]).await.unwrap();
    println!("{} {} {:?}", row.get::<_, String>(0), row.get::<_, i32>(1), row.get::<_, Vec<i32>>(2));
    let by_id = client.prepare("update notes set n = n + $1 where id = $2").await.unwrap();
    for i in 0..5i32 {
        client.execute(&by_id, &[&i, &1i32]).await.unwrap();
    }
    // futures polled together go out as one pipeline
    let keys: Vec<i32> = (1..20).collect();
    let (shared, one) = (&client, &by_id);
    let together = join_all(keys.iter().map(|id| async move { shared.execute(one, &[&7i32, id]).await })).await;
    println!("pipeline {:?}", together.into_iter().map(|one| one.unwrap()).collect::<Vec<_>>());
    let (a, b, c) = tokio::join!(client.execute("update notes set n = 8 where id <= 20", &[]),
        client.query("select 1/0", &[]), client.execute("update notes set n = 9 where id = 3", &[]));
    shown("joined", a);
    shown("joined", b.map(|rows| rows.len()));
    shown("joined", c);
    let transaction = client.transaction().await.unwrap();
    shown("update", transaction.execute("update notes set n = 5 where id <= 40", &[]).await);
    let savepoint = client_savepoint(transaction).await;
    println!("{savepoint}");
    let transaction = client.build_transaction().isolation_level(tokio_postgres::IsolationLevel::Serializable).start().await.unwrap();
    shown("delete", transaction.execute("delete from notes where id between $1 and $2", &[&10i32, &19i32]).await);
    let portal = transaction.bind("select id from notes order by id", &[]).await.unwrap();
    println!("portal {} {}", transaction.query_portal(&portal, 7).await.unwrap().len(), transaction.query_portal(&portal, 0).await.unwrap().len());
    transaction.rollback().await.unwrap();
    shown("left", client.query_one("select count(*), sum(n) from notes", &[]).await.map(|row| (row.get::<_, i64>(0), row.get::<_, i64>(1))));
    let sink = client.copy_in("copy notes (id, body) from stdin").await.unwrap();
    pin_mut!(sink);
    for i in 5000..6500 {
        sink.send(Bytes::from(format!("{i}\t{}\n", "copied ".repeat(20)))).await.unwrap();
    }
    shown("copied", sink.finish().await);
    let out = client.copy_out("copy (select * from notes where id >= 5000 order by id) to stdout").await.unwrap();
    println!("copied {}", out.try_fold(0, |sum, data| async move { Ok(sum + data.len()) }).await.unwrap());
    let sink = client.copy_in("copy notes from stdin").await.unwrap();
    pin_mut!(sink);
    sink.send(Bytes::from("not a number\n")).await.unwrap();
    shown("copy", sink.finish().await);
    let token = client.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        token.cancel_query(tls()).await.unwrap();
    });
    shown("cancelled", client.execute("select pg_sleep(60)", &[]).await);
    client.batch_execute("listen news").await.unwrap();
    let (other, _) = connect().await;
    other.batch_execute("select pg_notify('news', 'from another')").await.unwrap();
    client.batch_execute("notify news, 'from myself'").await.unwrap();
    println!("notified {:?} {:?}", heard.recv().await, heard.recv().await);
    shown("do", client.batch_execute("do $$ begin raise notice 'hello'; end $$").await);
    shown("drop", client.batch_execute("drop table if exists nowhere").await);
    for text in ["selec 1", "select * from nowhere", "insert into orders values (9999, 9999)", "select 1/0"] {
        shown("simple", client.batch_execute(text).await);
        shown("extended", client.execute(text, &[]).await);
    }
    let several = client.simple_query("select 1 as a; update notes set n = 8 where id <= 20; select 2 as b").await.unwrap();
    for message in several {
        match message {
            SimpleQueryMessage::Row(row) => println!("row {:?}", row.get(0)),
            SimpleQueryMessage::CommandComplete(count) => println!("complete {count}"),
            _ => {}
        }
    }
    shown("made", client.batch_execute("create table made (id int generated always as identity, mood text)").await);
    shown("large", client.query_one("select repeat($1, 3)", &[&"x".repeat(500_000)]).await.map(|row| row.get::<_, String>(0).len()));
}

async fn client_savepoint(mut transaction: tokio_postgres::Transaction<'_>) -> String {
    let savepoint = transaction.savepoint("s").await.unwrap();
    shown("insert", savepoint.execute("insert into notes values (1)", &[]).await);
    savepoint.rollback().await.unwrap();
    transaction.commit().await.map_or_else(told, |_| "committed".to_string())
}

fn seen<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        println!("seen {} {error:?}", error); // what {:?} and a log of it show
        println!("seen {}", told(error));
    }
}

async fn refused() {
    let (mut client, _) = connect().await;
    seen(client.batch_execute("delete from notes").await);
    seen(client.execute("delete from notes where id > $1", &[&0i32]).await);
    let transaction = client.transaction().await.unwrap();
    transaction.execute("insert into notes values (9000)", &[]).await.unwrap();
    seen(transaction.execute("delete from notes", &[]).await);
    transaction.rollback().await.unwrap();
    println!("left {}", client.query_one("select count(*) from notes", &[]).await.unwrap().get::<_, i64>(0));
}

#[tokio::main]
async fn main() {
    match env::args().nth(1).as_deref() {
        Some("ordinary") => ordinary().await,
        Some("refused") => refused().await,
        _ => println!("{}", include_str!("../version").trim()),
    }
}
