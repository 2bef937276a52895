//! SQL on two databases behind one small set of methods.
//!
//! Statements are written once, in the subset both understand, with `$1` placeholders. See [`Db`].

mod dialect;
mod error;
mod list;
mod migrate;
mod postgres;
mod record;
mod sqlite;
mod value;

#[cfg(test)]
mod tests;

pub use error::DbError;
pub use list::{LIST_MAX, PerSize, list, per_size};
pub use migrate::Migration;
pub use record::{Cell, Column, Mismatch, Record, Row, read_column};
pub use value::{Args, Value, in_list};

use error::Failure;
use postgres::Sql;
use sqlite::Read;
use std::cell::Cell as Counter;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Times a transaction is run before [`DbError::Busy`].
const ATTEMPTS_MAX: u32 = 12;
/// The first pause between two attempts is up to this long; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// A statement on SQLite that holds the calling thread longer than this belongs in [`Db::scan`].
const INLINE_MAX: Duration = Duration::from_micros(500);
/// A statement anywhere that takes longer than this is reported.
const SLOW: Duration = Duration::from_millis(250);

/// A database. Cheap to clone.
#[derive(Clone)]
pub enum Db {
    /// SQLite, embedded.
    Lite(Arc<sqlite::Lite>),
    /// PostgreSQL, or a server that speaks its protocol.
    Pg(postgres::Pg),
}

impl Db {
    /// Opens `sqlite:/path/file.db` (made when absent) or `postgres://user@host/name`. Does not migrate.
    ///
    /// PostgreSQL is contacted when first used; [`Db::ping`] tells whether it answers. Its address may carry
    /// `schema=` and `max_connections=` besides libpq's parameters.
    pub async fn open(url: &str) -> Result<Db, DbError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path)).to_owned();
            let lite = blocking(move || sqlite::Lite::open(&path)).await?;
            return Ok(Self::Lite(Arc::new(lite)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Pg(postgres::Pg::open(url)?));
        }
        Err(DbError::Other("a database's address begins with sqlite: or postgres://".to_owned()))
    }

    /// Every row. On SQLite it runs on the calling thread: for statements of well under half a millisecond.
    pub async fn all<R: Record>(&self, sql: &'static str, args: Args) -> Result<Vec<R>, DbError> {
        self.rows(Sql::Fixed(sql), args, Place::Inline).await
    }

    /// Like [`Db::all`], for a statement put together at run time. Never put anything a person typed into `sql`.
    pub async fn all_dyn<R: Record>(&self, sql: String, args: Args) -> Result<Vec<R>, DbError> {
        self.rows(Sql::Dynamic(sql), args, Place::Inline).await
    }

    /// The row, if there is one. [`DbError::NotOne`] when there are more.
    pub async fn opt<R: Record>(&self, sql: &'static str, args: Args) -> Result<Option<R>, DbError> {
        at_most_one(self.all(sql, args).await?)
    }

    /// The row. [`DbError::NotOne`] when there is not exactly one.
    pub async fn one<R: Record>(&self, sql: &'static str, args: Args) -> Result<R, DbError> {
        exactly_one(self.all(sql, args).await?)
    }

    /// Like [`Db::all`] for statements that take long: on SQLite it runs on a thread where that hurts nobody.
    pub async fn scan<R: Record>(&self, sql: &'static str, args: Args) -> Result<Vec<R>, DbError> {
        self.rows(Sql::Fixed(sql), args, Place::Blocking).await
    }

    /// Like [`Db::scan`], for a statement put together at run time.
    pub async fn scan_dyn<R: Record>(&self, sql: String, args: Args) -> Result<Vec<R>, DbError> {
        self.rows(Sql::Dynamic(sql), args, Place::Blocking).await
    }

    /// Runs one statement by itself and says how many rows it touched. Durable when it returns.
    pub async fn exec(&self, sql: &'static str, args: Args) -> Result<u64, DbError> {
        self.exec_any(Sql::Fixed(sql), args).await
    }

    /// Like [`Db::exec`], for a statement put together at run time.
    pub async fn exec_dyn(&self, sql: String, args: Args) -> Result<u64, DbError> {
        self.exec_any(Sql::Dynamic(sql), args).await
    }

    /// Runs `f` in a transaction, as if nobody else were writing, and commits. Durable when it returns `Ok`.
    ///
    /// When other writers were in the way everything is undone and `f` runs again, after a pause, up to twelve times;
    /// so it does nothing but SQL. On SQLite it holds the only writer while it runs: await nothing else inside.
    /// An error of `f` undoes everything and is returned.
    ///
    /// `f` is cloned for each attempt, which an async closure that borrows what it uses allows. (That, instead of
    /// `AsyncFn`, keeps the future `Send`, so that it runs in spawned tasks and request handlers.)
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone,
        E: From<DbError>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let failure = match self.begin().await {
                Err(failure) => failure,
                Ok(mut tx) => match f.clone()(&mut tx).await {
                    Ok(value) => match tx.commit().await {
                        Ok(()) => return Ok(value),
                        Err(failure) => failure,
                    },
                    Err(error) => match tx.rollback().await {
                        Some(failure) => failure,
                        None => return Err(error),
                    },
                },
            };
            pause_or_fail(failure, attempt).await?;
        }
    }

    /// Whether the database is embedded in this process, which then is the only one that uses it.
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Lite(_))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.one::<(i64,)>("SELECT 1", Args::new()).await.map(|_| ())
    }

    /// Finishes what is under way and closes; afterwards this and its clones must not be used.
    pub async fn close(&self) -> Result<(), DbError> {
        match self {
            Self::Lite(lite) => lite.close().await,
            Self::Pg(pg) => {
                pg.close().await;
                Ok(())
            }
        }
    }

    async fn begin(&self) -> Result<Tx, Failure> {
        let kind = match self {
            Self::Lite(lite) => TxKind::Lite(lite.begin().await?),
            Self::Pg(pg) => TxKind::Pg(pg.begin().await?),
        };
        Ok(Tx { kind, retry: None })
    }

    async fn rows<R: Record>(&self, sql: Sql, args: Args, place: Place) -> Result<Vec<R>, DbError> {
        count_one();
        let watch = Watch::start();
        let lite = match self {
            Self::Pg(pg) => {
                let rows = again(async || pg.select(&sql, &args).await).await;
                watch.stop(&sql, SLOW);
                return rows;
            }
            Self::Lite(lite) => lite,
        };
        let read = match place {
            Place::Inline => {
                let read = lite.read(sql.as_str(), &args, sql.is_fixed());
                watch.stop(&sql, INLINE_MAX);
                read?
            }
            Place::Blocking => return self.scan_lite(lite.clone(), sql, args).await,
        };
        match read {
            Read::Rows(rows) => Ok(rows),
            Read::Writes => {
                // INSERT … RETURNING and the like.
                let (sql, args) = (&sql, &args);
                self.write(async |tx| tx.rows_uncounted(sql, args).await).await
            }
        }
    }

    async fn scan_lite<R: Record>(
        &self,
        lite: Arc<sqlite::Lite>,
        sql: Sql,
        args: Args,
    ) -> Result<Vec<R>, DbError> {
        let permit =
            lite.scans.clone().acquire_owned().await.map_err(|error| DbError::Other(error.to_string()))?;
        let read = blocking(move || {
            let read = lite.read(sql.as_str(), &args, sql.is_fixed());
            drop(permit);
            read
        });
        match read.await? {
            Read::Rows(rows) => Ok(rows),
            Read::Writes => Err(DbError::Other("scan is for statements that only read".to_owned())),
        }
    }

    async fn exec_any(&self, sql: Sql, args: Args) -> Result<u64, DbError> {
        count_one();
        let watch = Watch::start();
        let (sql, args) = (&sql, &args);
        let result = match self {
            Self::Lite(_) => self.write(async |tx| tx.exec_uncounted(sql, args).await).await,
            Self::Pg(pg) => again(async || pg.execute(sql, args).await).await,
        };
        watch.stop(sql, SLOW);
        result
    }
}

/// On PostgreSQL a statement by itself needs no transaction around it, only patience.
async fn again<T>(run: impl AsyncFnOnce() -> Result<T, Failure> + Clone) -> Result<T, DbError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match run.clone()().await {
            Ok(value) => return Ok(value),
            Err(failure) => pause_or_fail(failure, attempt).await?,
        }
    }
}

/// A transaction under way. Made by [`Db::write`].
pub struct Tx {
    kind: TxKind,
    /// A failure after which running again may help, whatever the caller made of it.
    retry: Option<Failure>,
}

enum TxKind {
    Lite(sqlite::LiteTx),
    Pg(postgres::PgTx),
}

impl Tx {
    /// Every row.
    pub async fn all<R: Record>(&mut self, sql: &'static str, args: Args) -> Result<Vec<R>, DbError> {
        count_one();
        self.rows_uncounted(&Sql::Fixed(sql), &args).await
    }

    /// Like [`Tx::all`], for a statement put together at run time. Never put anything a person typed into `sql`.
    pub async fn all_dyn<R: Record>(&mut self, sql: String, args: Args) -> Result<Vec<R>, DbError> {
        count_one();
        self.rows_uncounted(&Sql::Dynamic(sql), &args).await
    }

    /// The row, if there is one. [`DbError::NotOne`] when there are more.
    pub async fn opt<R: Record>(&mut self, sql: &'static str, args: Args) -> Result<Option<R>, DbError> {
        at_most_one(self.all(sql, args).await?)
    }

    /// The row. [`DbError::NotOne`] when there is not exactly one.
    pub async fn one<R: Record>(&mut self, sql: &'static str, args: Args) -> Result<R, DbError> {
        exactly_one(self.all(sql, args).await?)
    }

    /// Runs a statement and says how many rows it touched.
    pub async fn exec(&mut self, sql: &'static str, args: Args) -> Result<u64, DbError> {
        count_one();
        self.exec_uncounted(&Sql::Fixed(sql), &args).await
    }

    /// Like [`Tx::exec`], for a statement put together at run time.
    pub async fn exec_dyn(&mut self, sql: String, args: Args) -> Result<u64, DbError> {
        count_one();
        self.exec_uncounted(&Sql::Dynamic(sql), &args).await
    }

    async fn rows_uncounted<R: Record>(&mut self, sql: &Sql, args: &Args) -> Result<Vec<R>, DbError> {
        let result = match &mut self.kind {
            TxKind::Lite(tx) => tx.select(sql.as_str(), args, sql.is_fixed()),
            TxKind::Pg(tx) => tx.select(sql, args).await,
        };
        self.note(result)
    }

    async fn exec_uncounted(&mut self, sql: &Sql, args: &Args) -> Result<u64, DbError> {
        let result = match &mut self.kind {
            TxKind::Lite(tx) => tx.execute(sql.as_str(), args, sql.is_fixed()),
            TxKind::Pg(tx) => tx.execute(sql, args).await,
        };
        self.note(result)
    }

    /// Several statements at once, without arguments: migrations.
    async fn batch(&mut self, sql: &'static str) -> Result<(), DbError> {
        let result = match &mut self.kind {
            TxKind::Lite(tx) => tx.batch(sql),
            TxKind::Pg(tx) => tx.batch(sql).await,
        };
        self.note(result)
    }

    fn note<T>(&mut self, result: Result<T, Failure>) -> Result<T, DbError> {
        result.map_err(|failure| {
            if failure.retry {
                self.retry = Some(failure.clone());
            }
            failure.error
        })
    }

    async fn commit(self) -> Result<(), Failure> {
        match (self.retry, self.kind) {
            // PostgreSQL would turn this commit into a roll-back without a word.
            (Some(failure), _) => Err(failure),
            (None, TxKind::Lite(tx)) => tx.commit().await,
            (None, TxKind::Pg(tx)) => tx.commit().await,
        }
    }

    /// Undoes everything; says whether running again may help.
    async fn rollback(self) -> Option<Failure> {
        match self.kind {
            TxKind::Lite(tx) => drop(tx),
            TxKind::Pg(tx) => tx.rollback().await,
        }
        self.retry
    }
}

#[derive(Clone, Copy)]
enum Place {
    Inline,
    Blocking,
}

async fn pause_or_fail(failure: Failure, attempt: u32) -> Result<(), DbError> {
    if !failure.retry || attempt >= ATTEMPTS_MAX {
        return Err(failure.error);
    }
    let longest = PAUSE_MIN.saturating_mul(1 << attempt.min(16)).min(PAUSE_MAX);
    // Without chance in it, writers that collided would collide again.
    let share = f64::from(u16::from_le_bytes(random_bytes())) / f64::from(u16::MAX);
    tokio::time::sleep(longest.mul_f64(share)).await;
    Ok(())
}

pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    tokio::task::spawn_blocking(f)
        .await
        .map_err(|error| DbError::Other(format!("a database thread failed: {error}")))?
}

fn at_most_one<R>(mut rows: Vec<R>) -> Result<Option<R>, DbError> {
    if rows.len() > 1 { Err(DbError::NotOne(rows.len())) } else { Ok(rows.pop()) }
}

fn exactly_one<R>(rows: Vec<R>) -> Result<R, DbError> {
    at_most_one(rows)?.ok_or(DbError::NotOne(0))
}

/// Measures a statement, and reports the slow ones. Reports never hold arguments.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Self(Instant::now())
    }
    fn stop(&self, sql: &Sql, limit: Duration) {
        let took = self.0.elapsed();
        if took > SLOW {
            tracing::warn!(
                took_us = took.as_micros() as u64,
                sql = dialect::brief(sql.as_str()),
                "slow statement"
            );
        } else if took > limit {
            tracing::debug!(
                took_us = took.as_micros() as u64,
                sql = dialect::brief(sql.as_str()),
                "belongs in scan"
            );
        }
    }
}

tokio::task_local! {
    static STATEMENTS: Counter<u64>;
}

fn count_one() {
    // Outside of `count_statements` nobody counts.
    let _ = STATEMENTS.try_with(|count| count.set(count.get() + 1));
}

/// Runs `future` and says how many statements it sent to any database, for tests that forbid a statement per row.
pub async fn count_statements<F: Future>(future: F) -> (F::Output, u64) {
    STATEMENTS
        .scope(Counter::new(0), async {
            let output = future.await;
            (output, STATEMENTS.with(Counter::get))
        })
        .await
}
