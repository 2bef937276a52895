//! The facade on both databases.

mod faults;

use super::*;
use crate::{args, db_test, record, text_column};
use std::str::FromStr;
use takt_core::{Caption, Clock, Handle, Lang, Timestamp, VideoId};
use uuid::Uuid;

const TABLES: &[Migration] = &[Migration {
    version: 1,
    name: "tables",
    sql: "CREATE TABLE sample (id UUID PRIMARY KEY, number BIGINT, truth BOOLEAN, real DOUBLE PRECISION, words TEXT, \
              raw BYTEA, other UUID, doc JSON);
          CREATE TABLE account (id BIGINT PRIMARY KEY, handle TEXT NOT NULL UNIQUE, amount BIGINT NOT NULL);
          CREATE TABLE follow (account BIGINT NOT NULL REFERENCES account (id), at BIGINT NOT NULL);",
}];

record! {
    #[derive(Debug, Clone, PartialEq)]
    struct Sample {
        id: VideoId,
        number: Option<i64>,
        truth: Option<bool>,
        real: Option<f64>,
        words: Option<String>,
        raw: Option<Vec<u8>>,
        other: Option<Uuid>,
        doc: Option<serde_json::Value>,
    }
}

const SELECT_SAMPLE: &str =
    "SELECT id, number, truth, real, words, raw, other, doc FROM sample WHERE id = $1";

async fn put(db: &Db, sample: &Sample) -> Result<u64, DbError> {
    let s = sample.clone();
    db.exec(
        "INSERT INTO sample (id, number, truth, real, words, raw, other, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![s.id, s.number, s.truth, s.real, s.words, s.raw, s.other, s.doc],
    )
    .await
}

fn full() -> Sample {
    Sample {
        id: VideoId::mint(&Clock::system()),
        number: Some(i64::MIN),
        truth: Some(true),
        real: Some(-0.1),
        words: Some("Grüße 🎬\n'; DROP TABLE sample; --".to_owned()),
        raw: Some((0..=255).collect()),
        other: Some(Uuid::from_u128(7)),
        doc: Some(serde_json::json!({"a": [1, null, "x"], "b": {"c": 1.5}})),
    }
}

db_test!(
    TABLES,
    async fn every_type_survives(db: Db) {
        let full = full();
        let id = VideoId::mint(&Clock::system());
        let empty = Sample {
            id,
            number: None,
            truth: None,
            real: None,
            words: None,
            raw: None,
            other: None,
            doc: None,
        };
        for sample in [full, empty] {
            assert_eq!(put(&db, &sample).await.unwrap(), 1);
            let id = sample.id;
            assert_eq!(db.one::<Sample>(SELECT_SAMPLE, args![id]).await.unwrap(), sample);
            assert_eq!(
                db.scan::<Sample>(SELECT_SAMPLE, args![id]).await.unwrap(),
                std::slice::from_ref(&sample)
            );
            let inside = db.write(async |tx| tx.one::<Sample>(SELECT_SAMPLE, args![id]).await).await;
            assert_eq!(inside.unwrap(), sample);
        }
    }
);

#[test]
fn placeholders_are_counted() {
    for (sql, count) in [
        ("SELECT 1", 0),
        ("a $1 b $12, $3)", 12),
        ("$2", 2),
        ("'costs $5' $1 '$7'", 1),
        ("'it''s $9' $2", 2),
        ("$ $x", 0),
    ] {
        assert_eq!(dialect::placeholders(sql), count, "{sql}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Colour(&'static str);
impl Colour {
    fn as_str(self) -> &'static str {
        self.0
    }
}
impl FromStr for Colour {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        ["red", "blue"]
            .into_iter()
            .find(|c| *c == text)
            .map(Colour)
            .ok_or_else(|| format!("no colour: {text}"))
    }
}
text_column!(Colour);

db_test!(
    TABLES,
    async fn vocabulary_survives(db: Db) {
        let handle: Handle = "ada".parse().unwrap();
        let caption: Caption = "one\ntwo".parse().unwrap();
        let lang: Lang = "pt-BR".parse().unwrap();
        let at = Timestamp::from_millis(-1);
        for (value, text) in [(Value::from(&handle), "ada"), (Value::from(caption.clone()), "one\ntwo")] {
            assert_eq!(value, Value::Text(Some(text.to_owned())));
        }
        let id = VideoId::mint(&Clock::system());
        let add = "INSERT INTO sample (id, words, number) VALUES ($1, $2, $3)";
        db.exec(add, args![id, &lang, at]).await.unwrap();
        let read = "SELECT words, number, id FROM sample WHERE id = $1";
        assert_eq!(db.one::<(Lang, Timestamp, VideoId)>(read, args![id]).await.unwrap(), (lang, at, id));
        // What is stored but against the rules is corrupt, not a panic.
        db.exec("UPDATE sample SET words = 'no handle' WHERE id = $1", args![id]).await.unwrap();
        assert!(matches!(db.one::<(Handle, i64, Uuid)>(read, args![id]).await, Err(DbError::Corrupt(_))));
        db.exec("UPDATE sample SET words = $2 WHERE id = $1", args![id, Colour("red")]).await.unwrap();
        assert_eq!(db.one::<(Colour, i64, Uuid)>(read, args![id]).await.unwrap().0, Colour("red"));
        db.exec("UPDATE sample SET words = $2 WHERE id = $1", args![id, "green"]).await.unwrap();
        assert!(matches!(db.one::<(Colour, i64, Uuid)>(read, args![id]).await, Err(DbError::Corrupt(_))));
    }
);

db_test!(
    TABLES,
    async fn placeholders_go_by_their_number(db: Db) {
        let (id, b) = (VideoId::mint(&Clock::system()), "b".to_owned());
        db.exec("INSERT INTO sample (words, id, number) VALUES ($3, $1, $2)", args![id, 5_i64, &b])
            .await
            .unwrap();
        let read = "SELECT number, words FROM sample WHERE words = $2 AND id = $1 AND words = $2";
        assert_eq!(db.one::<(i64, String)>(read, args![id, b]).await.unwrap(), (5, "b".to_owned()));
        for args in [args![id], args![id, "b", "c"], args![]] {
            assert!(db.all::<(i64, String)>(read, args).await.is_err());
        }
    }
);

db_test!(
    TABLES,
    async fn errors_have_kinds(db: Db) {
        let add = "INSERT INTO account (id, handle, amount) VALUES ($1, $2, $3)";
        db.exec(add, args![1_i64, "ada", 0_i64]).await.unwrap();
        let error = db.exec(add, args![2_i64, "ada", 0_i64]).await.unwrap_err();
        assert!(error.is_conflict() && error.is_conflict_on("handle"), "{error}");
        let error = db.exec(add, args![1_i64, "eve", 0_i64]).await.unwrap_err();
        assert!(error.is_conflict() && !error.is_conflict_on("handle"), "{error}");
        let error = db.exec(add, args![3_i64, "eve", None::<i64>]).await.unwrap_err();
        assert!(matches!(error, DbError::Constraint(_)), "{error:?}");
        let error = db.exec("INSERT INTO follow (account, at) VALUES ($1, $2)", args![9_i64, 0_i64]).await;
        assert!(matches!(error, Err(DbError::Constraint(_))), "{error:?}");
        let error = db.exec("SELEKT 1", args![]).await.unwrap_err();
        assert!(matches!(&error, DbError::Other(text) if text.contains("SELEKT")), "{error:?}");
        let read = "SELECT id FROM account WHERE handle = $1";
        assert!(matches!(db.one::<(i64,)>(read, args!["nobody"]).await, Err(DbError::NotOne(0))));
        assert_eq!(db.opt::<(i64,)>(read, args!["nobody"]).await.unwrap(), None);
        db.exec(add, args![2_i64, "eve", 0_i64]).await.unwrap();
        let all = "SELECT id FROM account";
        assert!(matches!(db.opt::<(i64,)>(all, args![]).await, Err(DbError::NotOne(2))));
    }
);

record! {
    #[derive(Debug)]
    struct Misnamed { id: i64, name: String }
    #[derive(Debug)]
    struct TooFew { id: i64 }
}

db_test!(
    TABLES,
    async fn records_must_fit_their_statement(db: Db) {
        db.exec("INSERT INTO account (id, handle, amount) VALUES (1, 'ada', 0)", args![]).await.unwrap();
        let error = db.all::<Misnamed>("SELECT id, handle FROM account", args![]).await.unwrap_err();
        assert!(error.to_string().contains("handle"), "{error}");
        assert!(db.all::<TooFew>("SELECT id, handle FROM account", args![]).await.is_err());
        let renamed = db.one::<Misnamed>("SELECT id, handle AS name FROM account", args![]).await.unwrap();
        assert_eq!((renamed.id, renamed.name.as_str()), (1, "ada"));
        assert_eq!(db.one::<TooFew>("SELECT id FROM account", args![]).await.unwrap().id, 1);
        let error = db.all::<(String,)>("SELECT id FROM account", args![]).await.unwrap_err();
        assert!(matches!(error, DbError::Corrupt(_)), "{error}");
        let error = db.all::<(i64,)>("SELECT CAST(NULL AS BIGINT)", args![]).await.unwrap_err();
        assert!(matches!(&error, DbError::Corrupt(text) if text.contains("null")), "{error}");
    }
);

db_test!(
    TABLES,
    async fn dynamic_lists(db: Db) {
        for id in 1..=5_i64 {
            let add = "INSERT INTO account (id, handle, amount) VALUES ($1, $2, $3)";
            db.exec(add, args![id, format!("h{id}"), id * 10]).await.unwrap();
        }
        for (ids, amounts) in [(vec![2, 4], vec![20, 40]), (vec![], vec![]), (vec![9], vec![])] {
            let mut args = args![0_i64];
            args.extend(ids.iter().copied());
            let list = in_list(2, ids.len());
            let sql = format!("SELECT amount FROM account WHERE amount > $1 AND id IN ({list}) ORDER BY id");
            let rows: Vec<(i64,)> = db.all_dyn(sql, args).await.unwrap();
            assert_eq!(rows.into_iter().map(|row| row.0).collect::<Vec<i64>>(), amounts);
        }
    }
);

db_test!(
    TABLES,
    async fn writing_reads_find_the_writer(db: Db) {
        let sql = "INSERT INTO account (id, handle, amount) VALUES ($1, 'ada', 0) RETURNING id";
        assert_eq!(db.one::<(i64,)>(sql, args![7_i64]).await.unwrap(), (7,));
        assert!(db.one::<(i64,)>(sql, args![7_i64]).await.unwrap_err().is_conflict());
    }
);

#[derive(Debug)]
enum AppError {
    Refused,
    Db(DbError),
}
impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

db_test!(
    TABLES,
    async fn an_error_undoes_everything(db: Db) {
        let add = "INSERT INTO account (id, handle, amount) VALUES ($1, $2, 0)";
        let result = db
            .write(async |tx| {
                tx.exec(add, args![1_i64, "ada"]).await?;
                assert_eq!(tx.one::<(i64,)>("SELECT COUNT(*) FROM account", args![]).await?.0, 1);
                Err::<(), _>(AppError::Refused)
            })
            .await;
        assert!(matches!(result, Err(AppError::Refused)));
        let result = db
            .write(async |tx| {
                tx.exec(add, args![1_i64, "ada"]).await?;
                tx.exec(add, args![1_i64, "eve"]).await?;
                Ok::<(), AppError>(())
            })
            .await;
        assert!(matches!(result, Err(AppError::Db(error)) if error.is_conflict()));
        assert_eq!(db.one::<(i64,)>("SELECT COUNT(*) FROM account", args![]).await.unwrap().0, 0);
    }
);

db_test!(
    TABLES,
    async fn a_dropped_transaction_undoes_itself(db: Db) {
        let half = db.write(async |tx| {
            tx.exec("INSERT INTO account (id, handle, amount) VALUES (1, 'ada', 0)", args![]).await?;
            std::future::pending::<()>().await;
            Ok::<(), DbError>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(200), half).await.is_err());
        let count = db
            .write(async |tx| tx.one::<(i64,)>("SELECT COUNT(*) FROM account", args![]).await)
            .await
            .unwrap();
        assert_eq!(count.0, 0);
    }
);

/// The transfer every bank example has: lost updates or half transfers would change the sum.
async fn transfer(db: &Db, from: i64, to: i64) -> Result<(), AppError> {
    let label = format!("{from}->{to}");
    db.write(async |tx| {
        let read = "SELECT amount FROM account WHERE id = $1";
        let (balance,) = tx.one::<(i64,)>(read, args![from]).await?;
        let (other,) = tx.one::<(i64,)>(read, args![to]).await?;
        let set = "UPDATE account SET amount = $2 WHERE id = $1";
        tx.exec(set, args![from, balance - 1]).await?;
        tx.exec(set, args![to, other + 1]).await?;
        if label.is_empty() { Err(AppError::Refused) } else { Ok(()) }
    })
    .await
}

db_test!(
    TABLES,
    async fn concurrent_writers_lose_nothing(db: Db) {
        for id in 0..2_i64 {
            let add = "INSERT INTO account (id, handle, amount) VALUES ($1, $2, 100)";
            db.exec(add, args![id, format!("h{id}")]).await.unwrap();
        }
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..6_i64 {
            let db = db.clone();
            tasks.spawn(async move {
                let mut done = 0_i64;
                for _ in 0..10 {
                    match transfer(&db, task % 2, 1 - task % 2).await {
                        Ok(()) => done += 1,
                        Err(AppError::Db(error)) if error.is_unavailable() => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
                if task % 2 == 0 { -done } else { done }
            });
        }
        let moved: i64 = tasks.join_all().await.into_iter().sum();
        let amounts: Vec<(i64,)> = db.all("SELECT amount FROM account ORDER BY id", args![]).await.unwrap();
        assert_eq!(amounts, [(100 + moved,), (100 - moved,)]);
    }
);

/// The bound that a web framework's handlers have.
fn handler<F, Fut>(_: F)
where
    F: FnOnce(Db, String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), AppError>> + Send + 'static,
{
}

#[test]
fn writes_run_in_handlers() {
    handler(async |db: Db, name: String| {
        let names = vec![name];
        let borrowed = names.as_slice();
        db.write(async |tx| {
            for name in borrowed {
                tx.exec("INSERT INTO account (id, handle, amount) VALUES (1, $1, 0)", args![name]).await?;
            }
            Ok(())
        })
        .await
    });
}

db_test!(
    TABLES,
    async fn statements_are_counted(db: Db) {
        let ((), count) = count_statements(async {
            db.ping().await.unwrap();
            db.all::<(i64,)>("SELECT id FROM account", args![]).await.unwrap();
            db.exec("DELETE FROM account", args![]).await.unwrap();
            db.write(async |tx| tx.exec("DELETE FROM account", args![]).await).await.unwrap();
        })
        .await;
        assert_eq!(count, 4);
    }
);

db_test!(
    async fn migrations_apply_once_and_in_order(db: Db) {
        const ONE: Migration =
            Migration { version: 1, name: "one", sql: "CREATE TABLE one (id BIGINT PRIMARY KEY)" };
        const TWO: Migration = Migration {
            version: 2,
            name: "two",
            sql: "CREATE TABLE two (id BIGINT PRIMARY KEY); INSERT INTO two (id) VALUES (1);",
        };
        const BROKEN: Migration = Migration {
            version: 3,
            name: "broken",
            sql: "CREATE TABLE three (id BIGINT PRIMARY KEY); nonsense",
        };
        assert_eq!(db.migrate(&[]).await.unwrap(), 0);
        assert_eq!(db.migrate(&[ONE]).await.unwrap(), 1);
        assert_eq!(db.migrate(&[ONE, TWO]).await.unwrap(), 1);
        assert_eq!(db.migrate(&[ONE, TWO]).await.unwrap(), 0);
        let refused = async |list: &[Migration], word: &str| {
            let error = db.migrate(list).await.unwrap_err();
            assert!(matches!(&error, DbError::Migration(text) if text.contains(word)), "{error}");
        };
        refused(&[TWO, ONE], "out of order").await;
        refused(&[ONE], "newer").await;
        refused(&[], "newer").await;
        refused(&[Migration { sql: "CREATE TABLE other (id BIGINT)", ..ONE }, TWO], "edited").await;
        refused(&[ONE, TWO, BROKEN], "broken").await;
        assert!(db.all::<(i64,)>("SELECT id FROM three", args![]).await.is_err(), "half a migration stayed");
        assert_eq!(db.one::<(i64,)>("SELECT id FROM two", args![]).await.unwrap(), (1,));
        const LATER: Migration = Migration { version: 4, ..BROKEN };
        let fixed = Migration { sql: "CREATE TABLE three (id BIGINT PRIMARY KEY)", ..LATER };
        assert_eq!(db.migrate(&[ONE, TWO, fixed]).await.unwrap(), 1);
        refused(&[ONE, TWO, Migration { version: 3, ..fixed }, fixed], "missing").await;
    }
);

db_test!(
    async fn two_processes_may_migrate_at_once(db: Db) {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = db.clone();
            tasks.spawn(async move { db.migrate(TABLES).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 1);
    }
);

#[tokio::test]
async fn addresses_are_not_repeated_in_errors() {
    for url in
        ["postgres://ada:s3cret@[bad/x", "mysql://ada:s3cret@host/x", "postgres://ada:s3cret@127.0.0.1:1/x"]
    {
        let error = match Db::open(url).await {
            Ok(db) => db.ping().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn an_absent_server_is_unavailable() {
    let db = Db::open("postgres://ada@127.0.0.1:1/x").await.unwrap();
    assert!(db.ping().await.unwrap_err().is_unavailable());
    assert!(db.write(async |tx| tx.exec("DELETE FROM x", args![]).await).await.unwrap_err().is_unavailable());
    let db = Db::open("sqlite:/nowhere/at/all/takt.db").await;
    assert!(db.is_err_and(|error| error.is_unavailable()));
}
