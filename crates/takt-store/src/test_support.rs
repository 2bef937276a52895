//! Tests on both databases: [`db_test!`](crate::db_test).
//!
//! SQLite gets a file of its own in a temporary directory. PostgreSQL is the server at `TAKT_TEST_POSTGRES`
//! (`postgres://user@host/name`), where each test gets a schema of its own, dropped afterwards. Without that variable
//! the PostgreSQL half says so on standard error and passes, or fails if `TAKT_TEST_REQUIRE_POSTGRES=1`.

use crate::{Args, Db, Migration};
use std::panic::{AssertUnwindSafe, resume_unwind};

/// Declares a test that runs once per database, as `name::sqlite` and `name::postgres`.
///
/// `db_test!(async fn name(db: Db) { … })` gets an empty database, `db_test!(&MIGRATIONS, async fn name(db: Db) { … })`
/// a migrated one. The runtime has several threads, as in production.
#[macro_export]
macro_rules! db_test {
    ($(#[$meta:meta])* async fn $name:ident($db:ident: Db) $body:block) => {
        $crate::db_test!(&[], $(#[$meta])* async fn $name($db: Db) $body);
    };
    ($migrations:expr, $(#[$meta:meta])* async fn $name:ident($db:ident: Db) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;
            async fn body($db: $crate::Db) $body
            #[test]
            fn sqlite() {
                $crate::test_support::on_sqlite($migrations, body);
            }
            #[test]
            fn postgres() {
                $crate::test_support::on_postgres($migrations, body);
            }
        }
    };
}

/// Runs a test on a fresh SQLite file.
pub fn on_sqlite<F: Future<Output = ()>>(migrations: &[Migration], test: impl FnOnce(Db) -> F) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    runtime().block_on(async {
        let url = format!("sqlite:{}", dir.path().join("takt.db").display());
        let db = Db::open(&url).await.expect("the database opens");
        db.migrate(migrations).await.expect("the database migrates");
        test(db).await;
    });
}

/// Runs a test in a fresh schema of the PostgreSQL server given by the environment, if any.
pub fn on_postgres<F: Future<Output = ()>>(migrations: &[Migration], test: impl FnOnce(Db) -> F) {
    let Some(url) = required("TAKT_TEST_POSTGRES") else { return };
    let bits = u64::from_le_bytes(crate::db::random_bytes());
    let schema = format!("takt_test_{bits:016x}");
    runtime().block_on(async {
        let separator = if url.contains('?') { '&' } else { '?' };
        let admin =
            Db::open(&format!("{url}{separator}max_connections=1")).await.expect("the address is valid");
        admin.exec_dyn(format!("CREATE SCHEMA {schema}"), Args::new()).await.expect("a schema can be made");
        let result = {
            let url = format!("{url}{separator}schema={schema}&max_connections=8");
            let db = Db::open(&url).await.expect("the address is valid");
            let test = async {
                db.migrate(migrations).await.expect("the database migrates");
                test(db.clone()).await;
            };
            let result = futures::FutureExt::catch_unwind(AssertUnwindSafe(test)).await;
            db.close().await.expect("the database closes");
            result
        };
        let dropped = admin.exec_dyn(format!("DROP SCHEMA {schema} CASCADE"), Args::new()).await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
        dropped.expect("the schema can be dropped");
    });
}

/// The address of an optional server for tests. `None`, said loudly, when the environment has none.
///
/// # Panics
/// When it is absent although `TAKT_TEST_REQUIRE_…=1` demands it.
pub fn required(variable: &str) -> Option<String> {
    if let Some(address) = std::env::var(variable).ok().filter(|address| !address.is_empty()) {
        return Some(address);
    }
    let demand = variable.replacen("TAKT_TEST_", "TAKT_TEST_REQUIRE_", 1);
    assert!(std::env::var(&demand).as_deref() != Ok("1"), "{demand}=1 but {variable} is not set");
    // Not captured by the test harness, unlike what eprintln! writes.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("SKIPPED: {variable} is not set\n").as_bytes(),
    );
    None
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
}
