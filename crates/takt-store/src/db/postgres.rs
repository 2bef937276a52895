//! PostgreSQL, and servers that speak its protocol.

use super::DbError;
use super::dialect::{PG_BEGIN, arity, pg_failure, placeholders};
use super::error::Failure;
use super::record::{Record, Row, RowKind};
use super::value::{Args, Value};
use parking_lot::Mutex;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Executor as _, Postgres, SqlSafeStr as _, SqlStr,
};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections of one process, unless the address says `max_connections`.
const CONNECTIONS_MAX: u32 = 16;
/// How long a caller waits for a connection; then the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that rested this long is asked whether it still lives before it is used.
const IDLE_TRUSTED: Duration = Duration::from_secs(1);

/// A pool of connections.
#[derive(Clone)]
pub struct Pg {
    pool: PgPool,
    /// When a connection was last found dead. Those that rest since before it are not trusted either.
    cut: Arc<Mutex<Option<Instant>>>,
}

impl Pg {
    /// Takes the address apart; connects when first used.
    ///
    /// Two parameters are ours: `schema` (where tables live, for tests) and `max_connections`.
    pub(crate) fn open(url: &str) -> Result<Self, DbError> {
        let (url, schema, connections) = own_parameters(url)?;
        // The parser's own message may quote the address, and with it the password.
        let mut options = PgConnectOptions::from_str(&url)
            .map_err(|_| {
                DbError::Other("the database's address is not of the form postgres://user@host/name".into())
            })?
            .application_name("takt");
        if let Some(schema) = schema {
            options = options.options([("search_path", schema)]);
        }
        let cut = Arc::new(Mutex::new(None::<Instant>));
        let seen = cut.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let rests_since_before_cut = seen.lock().is_some_and(|cut| cut.elapsed() <= meta.idle_for);
                Box::pin(async move {
                    if meta.idle_for > IDLE_TRUSTED || rests_since_before_cut {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, cut })
    }

    /// Fetches rows. What only reads is sent once more, on another connection, when the first turned out to be dead.
    pub(crate) async fn select<R: Record>(&self, sql: &Sql, args: &Args) -> Result<Vec<R>, Failure> {
        let mut again = sql.as_str().trim_start().starts_with("SELECT");
        loop {
            let result = self.pool.fetch_all(query(sql, args)?).await;
            match result {
                Err(error) if is_cut(&error) && std::mem::take(&mut again) => self.note_cut(),
                result => return Ok(records(result.map_err(|error| pg_failure(&error, sql.as_str()))?)?),
            }
        }
    }

    pub(crate) async fn execute(&self, sql: &Sql, args: &Args) -> Result<u64, Failure> {
        let result = self.pool.execute(query(sql, args)?).await;
        if result.as_ref().is_err_and(is_cut) {
            self.note_cut();
        }
        result.map(|done| done.rows_affected()).map_err(|error| pg_failure(&error, sql.as_str()))
    }

    pub(crate) async fn begin(&self) -> Result<PgTx, Failure> {
        let mut again = true;
        loop {
            match self.pool.begin_with(PG_BEGIN).await {
                Err(error) if is_cut(&error) && std::mem::take(&mut again) => self.note_cut(),
                result => return result.map(PgTx).map_err(|error| pg_failure(&error, PG_BEGIN)),
            }
        }
    }

    fn note_cut(&self) {
        *self.cut.lock() = Some(Instant::now());
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether the connection, and not the statement, was the trouble.
fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // admin_shutdown, crash_shutdown, cannot_connect_now: said to connections that rested, and not about a statement.
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03"))
        }
        _ => false,
    }
}

pub(crate) struct PgTx(sqlx::Transaction<'static, Postgres>);

impl PgTx {
    pub(crate) async fn select<R: Record>(&mut self, sql: &Sql, args: &Args) -> Result<Vec<R>, Failure> {
        let rows = self.0.fetch_all(query(sql, args)?).await;
        Ok(records(rows.map_err(|error| pg_failure(&error, sql.as_str()))?)?)
    }

    pub(crate) async fn execute(&mut self, sql: &Sql, args: &Args) -> Result<u64, Failure> {
        let result = self.0.execute(query(sql, args)?).await;
        result.map(|done| done.rows_affected()).map_err(|error| pg_failure(&error, sql.as_str()))
    }

    pub(crate) async fn batch(&mut self, sql: &'static str) -> Result<(), Failure> {
        let result = sqlx::raw_sql(sql).execute(&mut *self.0).await;
        result.map(|_| ()).map_err(|error| pg_failure(&error, sql))
    }

    pub(crate) async fn commit(self) -> Result<(), Failure> {
        self.0.commit().await.map_err(|error| pg_failure(&error, "COMMIT"))
    }

    pub(crate) async fn rollback(self) {
        // A connection that cannot roll back is dead, and the server rolls back by itself.
        let _ = self.0.rollback().await;
    }
}

/// A statement: written in the source, or put together at run time and then not worth keeping prepared.
pub(crate) enum Sql {
    Fixed(&'static str),
    Dynamic(String),
}

impl Sql {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Fixed(sql) => sql,
            Self::Dynamic(sql) => sql,
        }
    }

    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

fn query(sql: &Sql, args: &Args) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>, DbError> {
    let count = args.values().len();
    // PostgreSQL takes arguments that a statement has no place for, when it sees that statement for the first time.
    if cfg!(debug_assertions) && placeholders(sql.as_str()) != count {
        return Err(arity(sql.as_str(), count));
    }
    let text: SqlStr = match sql {
        Sql::Fixed(sql) => sql.into_sql_str(),
        Sql::Dynamic(sql) => AssertSqlSafe(sql.clone()).into_sql_str(),
    };
    let mut arguments = PgArguments::default();
    for value in args.values() {
        let added = match value {
            Value::I64(value) => arguments.add(*value),
            Value::Bool(value) => arguments.add(*value),
            Value::F64(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Bytes(value) => arguments.add(value.clone()),
            Value::Uuid(value) => arguments.add(*value),
            Value::Json(value) => arguments.add(value.clone().map(sqlx::types::Json)),
        };
        added.map_err(|error| DbError::Other(format!("cannot encode an argument: {error}")))?;
    }
    Ok(sqlx::query_with(text, arguments).persistent(sql.is_fixed()))
}

fn records<R: Record>(rows: Vec<PgRow>) -> Result<Vec<R>, DbError> {
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        let row = Row(RowKind::Pg(row));
        if records.is_empty() {
            row.check::<R>()?;
        }
        records.push(R::decode(&row)?);
    }
    Ok(records)
}

/// Takes `schema` and `max_connections` out of an address.
fn own_parameters(url: &str) -> Result<(String, Option<String>, u32), DbError> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut rest, mut schema, mut connections) = (Vec::new(), None, CONNECTIONS_MAX);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("schema", name)) => {
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
                if name.is_empty() || !name.bytes().all(plain) {
                    return Err(DbError::Other(
                        "the database's schema may hold a to z, 0 to 9 and _".to_owned(),
                    ));
                }
                schema = Some(name.to_owned());
            }
            Some(("max_connections", count)) => {
                connections =
                    count.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(|| {
                        DbError::Other("the database's max_connections must be between 1 and 1000".to_owned())
                    })?;
            }
            _ => rest.push(pair),
        }
    }
    let rest = rest.join("&");
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{rest}") };
    Ok((url, schema, connections))
}
