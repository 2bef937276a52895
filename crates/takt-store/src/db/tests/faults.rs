//! The databases when things go wrong: kill -9, a full disk, a server that goes and comes back.

use super::*;
use crate::test_support::{child, required};
use std::collections::HashSet;
use std::io::{BufRead as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::{TcpListener, TcpStream};

const LEDGER: &[Migration] = &[Migration {
    version: 1,
    name: "ledger",
    sql: "CREATE TABLE ledger (id BIGINT PRIMARY KEY, note TEXT NOT NULL); CREATE TABLE shadow (id BIGINT PRIMARY KEY)",
}];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Two rows that must never be seen one without the other.
async fn add(db: &Db, id: i64, note: &str) -> Result<(), DbError> {
    db.write(async |tx| {
        tx.exec("INSERT INTO ledger (id, note) VALUES ($1, $2)", args![id, note]).await?;
        tx.exec("INSERT INTO shadow (id) VALUES ($1)", args![id]).await.map(|_| ())
    })
    .await
}

async fn check_pairs(db: &Db) -> HashSet<i64> {
    let ids = db.scan::<(i64,)>("SELECT id FROM ledger ORDER BY id", args![]).await.unwrap();
    let shadows = db.scan::<(i64,)>("SELECT id FROM shadow ORDER BY id", args![]).await.unwrap();
    assert_eq!(ids, shadows);
    ids.into_iter().map(|row| row.0).collect()
}

/// In a child process: writes for ever, and says what was acknowledged.
#[test]
fn child_writes() {
    let Some(argument) = child::argument() else { return };
    let (url, round) = argument.split_once('|').unwrap();
    let round: i64 = round.parse().unwrap();
    runtime().block_on(async {
        let db = Db::open(url).await.unwrap();
        db.migrate(LEDGER).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..6 {
            let db = db.clone();
            tasks.spawn(async move {
                for number in 0.. {
                    let id = (round << 40) + (task << 32) + number;
                    add(&db, id, "note").await.unwrap();
                    std::io::stdout().lock().write_all(format!("ack {id}\n").as_bytes()).unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn kill_9_loses_nothing_acknowledged_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("takt.db").display());
    let mut acknowledged = HashSet::new();
    for round in 0..8 {
        let mut child = child::spawn("db::tests::faults::child_writes", &format!("{url}|{round}"));
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 1 + usize::from(u16::from_le_bytes(random_bytes())) % 300;
        let (mut seen, mut killed) = (0, false);
        while let Some(Ok(line)) = lines.next() {
            let Some((_, id)) = line.split_once("ack ") else { continue };
            acknowledged.insert(id.parse::<i64>().unwrap());
            seen += 1;
            if seen >= wanted && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself");
        runtime().block_on(async {
            let db = Db::open(&url).await.unwrap();
            let found = check_pairs(&db).await;
            assert!(acknowledged.is_subset(&found), "an acknowledged row is missing");
            let (check,) = db.one::<(String,)>("PRAGMA integrity_check", args![]).await.unwrap();
            assert_eq!(check, "ok");
            db.close().await.unwrap();
        });
    }
}

/// In a child process, on a small file system of its own.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = child::argument() else { return };
    runtime().block_on(async {
        let db = Db::open(&format!("sqlite:{dir}/takt.db")).await.unwrap();
        db.migrate(LEDGER).await.unwrap();
        let mut acknowledged = HashSet::new();
        let mut id = 0;
        for _ in 0..3 {
            let filler = std::path::Path::new(&dir).join("filler");
            child::fill(&filler);
            let note = "x".repeat(2_000);
            let mut refused = 0;
            while refused < 20 {
                // Several at once share a transaction, and a failure of it.
                let ids: Vec<i64> = (id + 1..=id + 5).collect();
                id += 5;
                let results = futures::future::join_all(ids.iter().map(|id| add(&db, *id, &note))).await;
                for (id, result) in ids.into_iter().zip(results) {
                    match result {
                        Ok(()) => assert!(acknowledged.insert(id)),
                        Err(error) => {
                            assert!(error.is_unavailable(), "{error:?}");
                            refused += 1;
                        }
                    }
                }
            }
            assert_eq!(check_pairs(&db).await, acknowledged, "readers go on, and see what was acknowledged");
            std::fs::remove_file(filler).unwrap();
            id += 1;
            add(&db, id, &note).await.unwrap();
            acknowledged.insert(id);
        }
        assert_eq!(check_pairs(&db).await, acknowledged);
        db.close().await.unwrap();
        let db = Db::open(&format!("sqlite:{dir}/takt.db")).await.unwrap();
        assert_eq!(check_pairs(&db).await, acknowledged);
    });
    child::done();
}

#[test]
fn a_full_disk_is_survived_on_sqlite() {
    child::on_small_disk("db::tests::faults::child_fills_the_disk", 8);
}

/// Passes connections on to a server, until told to drop them.
struct Cable {
    address: std::net::SocketAddr,
    plugged: Arc<AtomicBool>,
    changed: Arc<tokio::sync::Notify>,
}

impl Cable {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (plugged, changed) = (Arc::new(AtomicBool::new(true)), Arc::new(tokio::sync::Notify::new()));
        let (inner_plugged, inner_changed) = (plugged.clone(), changed.clone());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if !inner_plugged.load(Ordering::SeqCst) {
                    continue;
                }
                let (server, changed) = (server.clone(), inner_changed.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        () = changed.notified() => {}
                    }
                });
            }
        });
        Self { address, plugged, changed }
    }

    fn set(&self, plugged: bool) {
        self.plugged.store(plugged, Ordering::SeqCst);
        if !plugged {
            self.changed.notify_waiters();
        }
    }
}

/// The address of the test server, and the same through a cable.
async fn through_cable(url: &str) -> (Cable, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, rest) = rest.split_once('@').map_or((String::new(), rest), |(u, r)| (format!("{u}@"), r));
    let (host, path) = rest.split_once('/').unwrap();
    let server = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
    let cable = Cable::to(server).await;
    let url = format!("{scheme}://{user}{}/{path}", cable.address);
    (cable, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let Some(url) = required("TAKT_TEST_POSTGRES") else { return };
    let (cable, url) = through_cable(&url).await;
    let db = Db::open(&url).await.unwrap();
    let sql = "SELECT 1";
    let many = async || futures::future::join_all((0..6).map(|_| db.one::<(i64,)>(sql, args![]))).await;
    assert!(many().await.iter().all(Result::is_ok));
    for _ in 0..2 {
        cable.set(false);
        // Those that were idle and those that are new: all say so.
        for result in many().await {
            assert!(result.unwrap_err().is_unavailable());
        }
        let error = db.write(async |tx| tx.one::<(i64,)>(sql, args![]).await).await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        cable.set(true);
        for result in many().await {
            result.unwrap();
        }
        // And a cut that nobody noticed while it lasted.
        cable.set(false);
        cable.set(true);
        db.ping().await.unwrap();
        cable.set(false);
        cable.set(true);
        assert_eq!(db.write(async |tx| tx.one::<(i64,)>(sql, args![]).await).await.unwrap(), (1,));
    }
}

/// What a restart of the server says to connections that rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_the_server_ended_are_replaced() {
    let Some(url) = required("TAKT_TEST_POSTGRES") else { return };
    let (db, admin) = (Db::open(&url).await.unwrap(), Db::open(&url).await.unwrap());
    for _ in 0..3 {
        let own = "SELECT CAST(pg_backend_pid() AS BIGINT) FROM (SELECT pg_sleep(0.02)) AS pause";
        let many = futures::future::join_all((0..6).map(|_| db.one::<(i64,)>(own, args![]))).await;
        for pid in many {
            let end = "SELECT pg_terminate_backend(CAST($1 AS INTEGER))";
            admin.all::<(bool,)>(end, args![pid.unwrap().0]).await.unwrap();
        }
        // The servers behind them are gone a little later.
        tokio::time::sleep(Duration::from_millis(50)).await;
        db.ping().await.unwrap();
        assert_eq!(db.write(async |tx| tx.one::<(i64,)>("SELECT 1", args![]).await).await.unwrap(), (1,));
    }
}
