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

/// Tests in child processes: to be killed, or to live on a disk of their own. The child is this test program, told to
/// run one test, which does nothing when it is run without an argument.
#[cfg(test)]
pub(crate) mod child {
    use std::io::{Read as _, Write as _};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    const ARGUMENT: &str = "TAKT_STORE_TEST_CHILD";
    const DONE: &str = "child is done";

    /// In the child: what the parent said.
    pub(crate) fn argument() -> Option<String> {
        std::env::var(ARGUMENT).ok()
    }

    /// In the child: everything went well.
    pub(crate) fn done() {
        std::io::stdout().lock().write_all(format!("{DONE}\n").as_bytes()).expect("the parent listens");
    }

    fn command(program: &str, first: &[&str], test: &str, argument: &str) -> Command {
        let mut command = Command::new(program);
        command.args(first).args([test, "--exact", "--nocapture"]);
        command.env(ARGUMENT, argument).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    fn this_program() -> String {
        std::env::current_exe().expect("a program knows itself").display().to_string()
    }

    pub(crate) fn spawn(test: &str, argument: &str) -> Child {
        command(&this_program(), &[], test, argument).spawn().expect("a program can run itself")
    }

    /// Runs a test on an own file system of so many MiB, whose path is its argument. Says so, and passes, where the
    /// system does not let us make one, unless `TAKT_TEST_REQUIRE_SMALL_DISK=1`.
    pub(crate) fn on_small_disk(test: &str, mebibytes: u32) {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let path = dir.path().display().to_string();
        let mount = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$0\"");
        let own = ["--user", "--map-root-user", "--mount", "--", "sh", "-c"];
        let possible = Command::new("unshare").args(own).args([&mount, &path]).output();
        if !possible.is_ok_and(|output| output.status.success()) {
            assert!(
                std::env::var("TAKT_TEST_REQUIRE_SMALL_DISK").as_deref() != Ok("1"),
                "no small disk can be made"
            );
            let _ = std::io::stderr().write_all(b"SKIPPED: this system does not let us mount a small disk\n");
            return;
        }
        let script = format!("{mount} && exec \"$@\"");
        let mut first = own.to_vec();
        let program = this_program();
        first.extend([script.as_str(), path.as_str(), program.as_str()]);
        let mut child = command("unshare", &first, test, &path).spawn().expect("it ran a moment ago");
        let mut output = String::new();
        let mut stdout = child.stdout.take().expect("it is piped");
        stdout.read_to_string(&mut output).expect("the child writes text");
        assert!(child.wait().is_ok_and(|status| status.success()) && output.contains(DONE), "{output}");
    }

    /// Fills the file system with one file.
    pub(crate) fn fill(path: &Path) {
        let mut file = std::fs::File::create(path).expect("a file can be made");
        for bytes in [1 << 20, 4096, 1] {
            let chunk = vec![0xaa; bytes];
            while file.write_all(&chunk).is_ok() {}
        }
    }
}
