//! SQLite: one writer with group commit, several readers, all in WAL mode with `synchronous=FULL`.
//!
//! Reads run inline on the calling task: they cost microseconds, a thread hop costs more. Writers take turns on one
//! connection, in the order they asked. A writer that is done leaves its work in the open transaction as a released
//! savepoint and waits; a committer thread queues for the connection like another writer, so everybody who was
//! waiting before it gets into the same transaction, and one fsync answers them all. No async thread waits for a disk.
//!
//! Invariant: nobody is answered, and no reader sees a write, before the commit that holds it is synced.

use super::DbError;
use super::dialect::{LITE_BEGIN, arity, lite_failure};
use super::error::Failure;
use super::record::{Record, Row, RowKind};
use super::value::{Args, Value};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, Semaphore, oneshot};

/// Idle read connections kept open; more are opened when more are needed at once.
const READERS_IDLE_MAX: usize = 8;
/// Long reads (`scan`) that may run at once.
const SCANS_MAX: usize = 4;
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;
/// How long SQLite itself waits for a lock of another process. Short, because it blocks a thread; `Db::write` then
/// waits and tries again without blocking one.
const BUSY_TIMEOUT: Duration = Duration::from_millis(100);

/// The embedded database.
pub struct Lite {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    pub(crate) scans: Arc<Semaphore>,
    writer: Arc<tokio::sync::Mutex<Writer>>,
    committer: mpsc::Sender<()>,
}

struct Writer {
    conn: Connection,
    /// Those whose work is in the open transaction, waiting for its commit.
    waiting: Vec<oneshot::Sender<Result<(), Failure>>>,
}

/// What a read connection found.
pub(crate) enum Read<R> {
    Rows(Vec<R>),
    /// The statement writes: it belongs on the writer.
    Writes,
}

impl Lite {
    pub(crate) fn open(path: &Path) -> Result<Self, DbError> {
        let conn = connect(path)?;
        prepare_file(&conn)?;
        let writer = Arc::new(tokio::sync::Mutex::new(Writer { conn, waiting: Vec::new() }));
        let (committer, signals) = mpsc::channel();
        let shared = writer.clone();
        std::thread::Builder::new()
            .name("sqlite-commit".to_owned())
            .spawn(move || {
                // Ends when the last `Lite` is dropped.
                while signals.recv().is_ok() {
                    // A commit answers everybody so far, and so every signal so far.
                    while signals.try_recv().is_ok() {}
                    shared.blocking_lock().commit();
                }
            })
            .map_err(|error| DbError::Unavailable(format!("cannot start a thread: {error}")))?;
        let readers = Mutex::new(Vec::new());
        let scans = Arc::new(Semaphore::new(SCANS_MAX));
        Ok(Self { path: path.to_owned(), readers, scans, writer, committer })
    }

    /// Runs a statement on a read connection, on this thread.
    pub(crate) fn read<R: Record>(&self, sql: &str, args: &Args, cached: bool) -> Result<Read<R>, DbError> {
        let reader = self.readers.lock().pop();
        let reader = match reader {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let result = select(&reader, sql, args, cached, true);
        let mut readers = self.readers.lock();
        if readers.len() < READERS_IDLE_MAX {
            readers.push(reader);
        }
        result.map_err(|failure| failure.error)
    }

    fn open_reader(&self) -> Result<Connection, DbError> {
        let conn = connect(&self.path)?;
        pragma(&conn, "query_only", "ON")?;
        Ok(conn)
    }

    pub(crate) async fn begin(&self) -> Result<LiteTx, Failure> {
        let writer = self.writer.clone().lock_owned().await;
        if writer.conn.is_autocommit() {
            execute(&writer.conn, LITE_BEGIN, &Args::new(), true)?;
        }
        let tx = LiteTx { writer: Some(writer), committer: self.committer.clone() };
        execute(tx.conn()?, "SAVEPOINT one", &Args::new(), true)?;
        Ok(tx)
    }

    /// Commits what is open and moves the log into the file.
    pub(crate) async fn close(&self) -> Result<(), DbError> {
        let mut writer = self.writer.clone().lock_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            writer.commit();
            writer
                .conn
                .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
                .map_err(|e| lite_failure(&e, "").error)
        });
        done.await.map_err(|error| DbError::Other(error.to_string()))?
    }
}

impl Writer {
    fn commit(&mut self) {
        if self.conn.is_autocommit() {
            // The transaction is gone (rolled back by SQLite on a full disk) or was never there.
            return self.answer(&Err(lost()));
        }
        let result = execute(&self.conn, "COMMIT", &Args::new(), true).map(|_| ());
        if result.is_err() && !self.conn.is_autocommit() {
            // Nothing more can be done when this fails too; the next BEGIN will say so.
            let _ = execute(&self.conn, "ROLLBACK", &Args::new(), true);
        }
        self.answer(&result);
    }

    fn answer(&mut self, result: &Result<(), Failure>) {
        for waiting in self.waiting.drain(..) {
            // A caller that went away does not want its answer.
            let _ = waiting.send(result.clone());
        }
    }
}

/// The shared transaction was rolled back because of somebody else's failure: worth running again.
fn lost() -> Failure {
    Failure { error: DbError::Unavailable("the transaction was rolled back".to_owned()), retry: true }
}

/// One writer's part of the open transaction.
pub(crate) struct LiteTx {
    /// Present until the end.
    writer: Option<OwnedMutexGuard<Writer>>,
    committer: mpsc::Sender<()>,
}

impl LiteTx {
    fn conn(&self) -> Result<&Connection, DbError> {
        match &self.writer {
            Some(writer) if !writer.conn.is_autocommit() => Ok(&writer.conn),
            _ => Err(DbError::Unavailable("the transaction was rolled back".to_owned())),
        }
    }

    pub(crate) fn select<R: Record>(&self, sql: &str, args: &Args, cached: bool) -> Result<Vec<R>, Failure> {
        match select(self.conn()?, sql, args, cached, false)? {
            Read::Rows(rows) => Ok(rows),
            Read::Writes => Ok(Vec::new()),
        }
    }

    pub(crate) fn execute(&self, sql: &str, args: &Args, cached: bool) -> Result<u64, Failure> {
        execute(self.conn()?, sql, args, cached)
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.conn()?.execute_batch(sql).map_err(|error| lite_failure(&error, sql))
    }

    /// Leaves the work in the open transaction and waits until that is on disk.
    pub(crate) async fn commit(mut self) -> Result<(), Failure> {
        execute(self.conn().map_err(|_| lost())?, "RELEASE one", &Args::new(), true)?;
        let Some(mut writer) = self.writer.take() else { return Err(lost()) };
        let (answer, answered) = oneshot::channel();
        writer.waiting.push(answer);
        drop(writer);
        // Should the committer be gone, so is the answer's sender, and the next line says so.
        let _ = self.committer.send(());
        answered.await.unwrap_or_else(|_| Err(lost()))
    }
}

impl Drop for LiteTx {
    fn drop(&mut self) {
        let Some(writer) = self.writer.as_mut() else { return };
        if writer.conn.is_autocommit() {
            // SQLite rolled the whole transaction back: tell those who wait for it, they will run again.
            writer.answer(&Err(lost()));
            return;
        }
        let undone = if writer.waiting.is_empty() {
            execute(&writer.conn, "ROLLBACK", &Args::new(), true)
        } else {
            execute(&writer.conn, "ROLLBACK TO one", &Args::new(), true)
                .and_then(|_| execute(&writer.conn, "RELEASE one", &Args::new(), true))
        };
        if let Err(failure) = undone {
            // Cannot be left half done: give the whole transaction up.
            tracing::error!(error = %failure.error, "rolling back failed");
            let _ = execute(&writer.conn, "ROLLBACK", &Args::new(), true);
            writer.answer(&Err(lost()));
        }
    }
}

fn connect(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        // Every connection is used by one thread at a time: by its mutex, or taken out of the pool.
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn =
        Connection::open_with_flags(path, flags).map_err(|error| lite_failure(&error, "open").error)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(|error| lite_failure(&error, "busy_timeout").error)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    pragma(&conn, "foreign_keys", "ON")?;
    pragma(&conn, "synchronous", "FULL")?;
    pragma(&conn, "temp_store", "MEMORY")?;
    pragma(&conn, "cache_size", "-8192")?;
    Ok(conn)
}

fn prepare_file(conn: &Connection) -> Result<(), DbError> {
    let mode: String = conn
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(|error| lite_failure(&error, "journal_mode").error)?;
    if mode != "wal" {
        return Err(DbError::Other(format!(
            "the file system does not allow write-ahead logging (mode {mode})"
        )));
    }
    // Without a limit the log keeps the size of the largest transaction ever.
    pragma(conn, "journal_size_limit", "67108864")
}

fn pragma(conn: &Connection, name: &str, value: &str) -> Result<(), DbError> {
    conn.execute_batch(&format!("PRAGMA {name} = {value}")).map_err(|error| lite_failure(&error, name).error)
}

fn with_statement<T>(
    conn: &Connection,
    sql: &str,
    cached: bool,
    run: impl FnOnce(&mut rusqlite::Statement<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error: rusqlite::Error| lite_failure(&error, sql);
    if cached {
        run(&mut *conn.prepare_cached(sql).map_err(failed)?)
    } else {
        run(&mut conn.prepare(sql).map_err(failed)?)
    }
}

fn select<R: Record>(
    conn: &Connection,
    sql: &str,
    args: &Args,
    cached: bool,
    read_only: bool,
) -> Result<Read<R>, Failure> {
    with_statement(conn, sql, cached, |statement| {
        if read_only && !statement.readonly() {
            return Ok(Read::Writes);
        }
        bind(statement, sql, args)?;
        let mut rows = statement.raw_query();
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(|error| lite_failure(&error, sql))? {
            let row = Row(RowKind::Lite(row));
            if records.is_empty() {
                row.check::<R>()?;
            }
            records.push(R::decode(&row)?);
        }
        Ok(Read::Rows(records))
    })
}

fn execute(conn: &Connection, sql: &str, args: &Args, cached: bool) -> Result<u64, Failure> {
    with_statement(conn, sql, cached, |statement| {
        bind(statement, sql, args)?;
        let rows = statement.raw_execute().map_err(|error| lite_failure(&error, sql))?;
        Ok(rows as u64)
    })
}

/// SQLite numbers `$1` by first appearance, not by its digits. Asking it for each parameter's name would take time in the
/// square of their number.
fn bind(statement: &mut rusqlite::Statement<'_>, sql: &str, args: &Args) -> Result<(), Failure> {
    let values = args.values();
    let order = parameters(sql, values.len());
    if order.len() != values.len() || statement.parameter_count() != values.len() {
        return Err(arity(sql, values.len()).into());
    }
    for (number, index) in order.into_iter().zip(1..) {
        bind_one(statement, index, &values[number]).map_err(|error| lite_failure(&error, sql))?;
    }
    Ok(())
}

/// The parameters of a statement in order of first appearance, counted from 0. Those of `$1` to `$most` only; our SQL has
/// no `$` but in front of a parameter.
fn parameters(sql: &str, most: usize) -> Vec<usize> {
    let mut seen = vec![false; most];
    let mut order = Vec::with_capacity(most);
    for part in sql.split('$').skip(1) {
        let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
        let number = digits.parse::<usize>().unwrap_or(0).wrapping_sub(1);
        if let Some(seen @ false) = seen.get_mut(number) {
            *seen = true;
            order.push(number);
        }
    }
    order
}

fn bind_one(statement: &mut rusqlite::Statement<'_>, index: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::I64(value) => statement.raw_bind_parameter(index, value),
        Value::Bool(value) => statement.raw_bind_parameter(index, value),
        Value::F64(value) => statement.raw_bind_parameter(index, value),
        Value::Text(value) => statement.raw_bind_parameter(index, value),
        Value::Bytes(value) => statement.raw_bind_parameter(index, value),
        Value::Uuid(value) => {
            statement.raw_bind_parameter(index, value.as_ref().map(|id| id.as_bytes().as_slice()))
        }
        Value::Json(value) => statement.raw_bind_parameter(index, value.as_ref().map(ToString::to_string)),
    }
}
