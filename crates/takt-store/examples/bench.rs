//! What the stores do per second here: `cargo run --release -p takt-store --example bench -- [DIR]`.
//!
//! DIR is where SQLite and the event log are put (default: a temporary directory; the disk matters, memory disks lie).
//! PostgreSQL is measured too if `TAKT_TEST_POSTGRES` gives its address; a schema is made there and dropped again.

use std::path::Path;
use std::time::{Duration, Instant};
use takt_core::{Clock, VideoId};
use takt_store::{
    Args, Db, DbError, EventLog, JOB_TABLE_SQL, JobQueue, Migration, NewEntry, NewJob, Sync, args,
};

const RUN: Duration = Duration::from_secs(3);
const ROWS: u32 = 10_000;
const TABLES: &[Migration] = &[
    Migration {
        version: 1,
        name: "bench",
        sql: "CREATE TABLE bench (id UUID PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL)",
    },
    Migration { version: 2, name: "job", sql: JOB_TABLE_SQL },
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let own = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or_else(|| own.path().to_owned(), Into::into);
    std::fs::create_dir_all(&dir)?;
    println!("{:<52}{:>12}", "operation", "per second");
    fsync(&dir)?;
    let db = Db::open(&format!("sqlite:{}", dir.join("bench.db").display())).await?;
    database("sqlite", &db).await?;
    if let Ok(url) = std::env::var("TAKT_TEST_POSTGRES") {
        let join = if url.contains('?') { '&' } else { '?' };
        let admin = Db::open(&url).await?;
        admin.exec("CREATE SCHEMA takt_bench", Args::new()).await?;
        let measured = match Db::open(&format!("{url}{join}schema=takt_bench")).await {
            Ok(db) => database("postgres", &db).await,
            Err(error) => Err(error),
        };
        admin.exec("DROP SCHEMA takt_bench CASCADE", Args::new()).await?;
        measured?;
    }
    event_log(&dir.join("events")).await?;
    Ok(())
}

fn report(name: &str, count: u64, took: Duration) {
    println!("{name:<52}{:>12.0}", count as f64 / took.as_secs_f64());
}

/// How often the disk itself syncs: the ceiling of everything durable that is not grouped.
fn fsync(dir: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let path = dir.join("fsync");
    let mut file = std::fs::File::create(&path)?;
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < RUN {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    report("disk: 4 KiB append and fdatasync", count, start.elapsed());
    std::fs::remove_file(path)
}

/// Runs `work` in so many tasks for a while.
async fn measure<W, F>(name: &str, tasks: u64, per_call: u64, work: W) -> Result<(), DbError>
where
    W: Fn(u64) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), DbError>> + Send,
{
    let start = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let work = work.clone();
        set.spawn(async move {
            let mut count = 0;
            while start.elapsed() < RUN {
                work((task << 40) + count).await?;
                count += 1;
            }
            Ok::<u64, DbError>(count)
        });
    }
    let mut count = 0;
    for done in set.join_all().await {
        count += done?;
    }
    report(&format!("{name}, {tasks} tasks"), count * per_call, start.elapsed());
    Ok(())
}

async fn database(name: &str, db: &Db) -> Result<(), DbError> {
    db.migrate(TABLES).await?;
    let insert = "INSERT INTO bench (id, name, at) VALUES ($1, $2, $3)";
    let clock = Clock::system();
    let ids: Vec<VideoId> = (0..ROWS).map(|_| VideoId::mint(&clock)).collect();
    db.write(async |tx| {
        for id in &ids {
            tx.exec(insert, args![*id, "a caption of a usual length, say", 0_i64]).await?;
        }
        Ok::<(), DbError>(())
    })
    .await?;
    for tasks in [1, 4, 32] {
        let (db, ids) = (db.clone(), ids.clone());
        measure(&format!("{name}: point read"), tasks, 1, move |n| {
            let (db, id) = (db.clone(), ids[(n as usize * 7919) % ids.len()]);
            async move {
                db.one::<(VideoId, String, i64)>("SELECT id, name, at FROM bench WHERE id = $1", args![id])
                    .await?;
                // SQLite never waits; give the others their turn.
                if n % 16 == 0 {
                    tokio::task::yield_now().await
                }
                Ok(())
            }
        })
        .await?;
    }
    for tasks in [1, 4, 32] {
        let (db, clock) = (db.clone(), clock.clone());
        measure(&format!("{name}: durable insert"), tasks, 1, move |_| {
            let (db, id) = (db.clone(), VideoId::mint(&clock));
            async move { db.exec(insert, args![id, "a caption", 0_i64]).await.map(|_| ()) }
        })
        .await?;
    }
    for tasks in [1, 32] {
        let (db, clock) = (db.clone(), clock.clone());
        measure(&format!("{name}: durable transaction of two statements"), tasks, 1, move |_| {
            let (db, id) = (db.clone(), VideoId::mint(&clock));
            async move {
                db.write(async |tx| {
                    tx.exec(insert, args![id, "a caption", 0_i64]).await?;
                    tx.exec("UPDATE bench SET at = 1 WHERE id = $1", args![id]).await.map(|_| ())
                })
                .await
            }
        })
        .await?;
    }
    jobs(name, db).await
}

async fn jobs(name: &str, db: &Db) -> Result<(), DbError> {
    let (queue, clock) = (JobQueue::new(), Clock::system());
    for workers in [1, 8] {
        let (db, queue, clock) = (db.clone(), queue.clone(), clock.clone());
        measure(&format!("{name}: job enqueued, claimed, finished"), workers, 1, move |n| {
            let (db, queue, clock) = (db.clone(), queue.clone(), clock.clone());
            async move {
                let job = || NewJob {
                    kind: "bench",
                    key: format!("{workers}-{n}"),
                    payload: serde_json::json!({}),
                    priority: 0,
                    attempts_max: 3,
                    run_at: clock.now(),
                };
                db.write(async |tx| queue.enqueue(tx, job(), &clock).await).await?;
                let claimed = queue.claim(&db, &["bench"], 60_000, &clock).await?;
                if let Some(job) = claimed {
                    let _ = queue.finish(&db, &job).await;
                }
                Ok(())
            }
        })
        .await?;
    }
    Ok(())
}

async fn event_log(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    const PER_CALL: u64 = 10;
    let log = EventLog::open(dir)?;
    log.start(|_| {});
    for (sync, word) in [(Sync::Durable, "durable"), (Sync::Buffered, "buffered")] {
        for tasks in [1, 16, 64, 256] {
            let inner = log.clone();
            let salt = if sync == Sync::Durable { 1 } else { 2 } * 1000 + tasks;
            measure(
                &format!("event log: {word} events of 64 bytes, {PER_CALL} a call"),
                tasks,
                PER_CALL,
                move |n| {
                    let log = inner.clone();
                    let entries = (0..PER_CALL).map(|offset| entry(salt, n * PER_CALL + offset)).collect();
                    async move {
                        log.append(entries, sync)
                            .await
                            .map(|_| ())
                            .map_err(|error| DbError::Other(error.to_string()))
                    }
                },
            )
            .await?;
        }
    }
    let start = Instant::now();
    let mut after = 0;
    loop {
        let entries = log.read(after, 1000)?;
        let Some(last) = entries.last() else { break };
        after = last.position;
    }
    report("event log: entries read in order", after, start.elapsed());
    let head = log.head();
    log.close().await;
    let start = Instant::now();
    let log = EventLog::open(dir)?;
    println!("event log: opening with {head} entries took {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    log.verify()?;
    println!("event log: verifying them all took {} ms", start.elapsed().as_millis());
    Ok(())
}

/// An identity as from a hash: spread evenly.
fn entry(salt: u64, n: u64) -> NewEntry {
    let mut dedup = [0; 32];
    let mixed = (n ^ (salt << 50)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    dedup[..8].copy_from_slice(&mixed.to_be_bytes());
    dedup[8..16].copy_from_slice(&n.to_be_bytes());
    dedup[16..24].copy_from_slice(&salt.to_be_bytes());
    NewEntry { dedup, payload: vec![n as u8; 64] }
}
