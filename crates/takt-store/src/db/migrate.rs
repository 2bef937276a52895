//! Schema changes, applied in order, each once.

use super::{Args, Db, DbError, Tx};
use crate::args;
use sha2::{Digest as _, Sha256};

/// One schema change: statements both databases understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order; positive, unique, never reused.
    pub version: i64,
    /// Its name, for people.
    pub name: &'static str,
    /// Its statements. Never edited once released: databases remember their checksum.
    pub sql: &'static str,
}

/// Row 0 is a lock; it makes two processes that migrate at once take turns.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS takt_migration (\
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL); \
    INSERT INTO takt_migration (version, name, checksum) VALUES (0, 'lock', '') ON CONFLICT (version) DO NOTHING";

impl Db {
    /// Applies those of `migrations` that are missing and says how many that were.
    ///
    /// Refuses ([`DbError::Migration`]) when an applied one was edited since, when the database knows one that this
    /// program does not (it was written by a newer one), and when one is missing before another that was applied.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<usize, DbError> {
        check_order(migrations)?;
        self.write(async |tx| tx.batch(TABLE).await).await?;
        let mut count = 0;
        for (index, migration) in migrations.iter().enumerate() {
            let known = &migrations[..=index];
            let done = self.write(async |tx| apply(tx, migration, known, migrations).await).await?;
            count += usize::from(done);
        }
        if migrations.is_empty() {
            self.write(async |tx| applied(tx, &[]).await).await?;
        }
        Ok(count)
    }
}

fn check_order(migrations: &[Migration]) -> Result<(), DbError> {
    let mut last = 0;
    for migration in migrations {
        if migration.version <= last {
            let Migration { version, name, .. } = migration;
            return Err(DbError::Migration(format!("{version} ({name}) is out of order after {last}")));
        }
        last = migration.version;
    }
    Ok(())
}

/// Applies one migration unless it is there already.
async fn apply(
    tx: &mut Tx,
    migration: &Migration,
    known: &[Migration],
    all: &[Migration],
) -> Result<bool, DbError> {
    let applied = applied(tx, all).await?;
    let Migration { version, name, sql } = *migration;
    if applied.contains(&version) {
        return Ok(false);
    }
    if let Some(later) = applied.iter().find(|applied| **applied > version) {
        return Err(DbError::Migration(format!(
            "{version} ({name}) is missing although {later} was applied"
        )));
    }
    debug_assert_eq!(applied.len() + 1, known.len());
    tx.batch(sql).await.map_err(|error| match error {
        DbError::Unavailable(_) | DbError::Busy(_) => error,
        error => DbError::Migration(format!("{version} ({name}) failed: {error}")),
    })?;
    tx.exec(
        "INSERT INTO takt_migration (version, name, checksum) VALUES ($1, $2, $3)",
        args![version, name, checksum(sql)],
    )
    .await?;
    tracing::info!(migration.version = version, migration.name = name, "schema migrated");
    Ok(true)
}

/// The versions the database has, after checking that they are ours.
async fn applied(tx: &mut Tx, all: &[Migration]) -> Result<Vec<i64>, DbError> {
    tx.exec("UPDATE takt_migration SET name = 'lock' WHERE version = 0", Args::new()).await?;
    let rows: Vec<(i64, String, String)> = tx
        .all(
            "SELECT version, name, checksum FROM takt_migration WHERE version > 0 ORDER BY version",
            Args::new(),
        )
        .await?;
    for (version, name, sum) in &rows {
        match all.iter().find(|migration| migration.version == *version) {
            None => {
                return Err(DbError::Migration(format!(
                    "the database has {version} ({name}), which this program does not know: it was written by a newer one"
                )));
            }
            Some(migration) if checksum(migration.sql) != *sum => {
                return Err(DbError::Migration(format!(
                    "{version} ({name}) was edited after it had been applied"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(rows.into_iter().map(|(version, ..)| version).collect())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
