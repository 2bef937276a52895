//! `app_test!`: a whole cell per test and database, asked through its router.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use takt_core::{AccountId, Clock, EventId, Timestamp, VideoId};
use takt_recommender::Event;
use takt_server::App;
use takt_server::config::Config;
use takt_store::{Args, Db, args};
use tempfile::TempDir;
use tower::ServiceExt;

/// 2026-01-01T00:00:00Z.
const BEGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Which database a test runs on.
#[derive(Debug, Clone, Copy)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A test on both databases.
macro_rules! app_test {
    (async fn $name:ident($app:ident: TestApp) $body:block) => {
        mod $name {
            use super::*;

            async fn body($app: &crate::harness::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::harness::run(crate::harness::Database::Sqlite, async |app| body(app).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::harness::run(crate::harness::Database::Postgres, async |app| body(app).await).await;
            }
        }
    };
}
pub(crate) use app_test;

/// A cell of its own, with a clock that stands still.
pub struct TestApp {
    pub app: App,
    pub clock: Clock,
    pub router: Router,
    pub dir: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
    /// Asserts the status, showing the body where it differs.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
    /// Asserts a problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        problem
    }
    /// The cookie the answer sets, as a browser would send it back.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get(header::SET_COOKIE)?.to_str().ok()?;
        set.split(';').next().map(str::to_owned)
    }
}

/// Runs `test` on a fresh cell. Without a PostgreSQL to test on its half says so, or fails where it is required.
pub async fn run(database: Database, test: impl AsyncFnOnce(&TestApp)) {
    run_with(database, |_| {}, test).await;
}

/// Like [`run`], with another configuration.
pub async fn run_with(
    database: Database,
    configure: impl FnOnce(&mut Config),
    test: impl AsyncFnOnce(&TestApp),
) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data.dir = dir.path().join("data");
    config.account.argon2_memory_kib = 8;
    config.account.argon2_passes = 1;
    config.limits.requests_per_second = 0;
    // Tests that look at it begin it themselves.
    config.sound.starter_set = false;
    configure(&mut config);
    let schema = match database {
        Database::Sqlite => None,
        Database::Postgres => {
            let Some(schema) = Schema::create().await else { return };
            config.data.database_url = Some(schema.url());
            Some(schema)
        }
    };
    let clock = Clock::fixed(BEGIN);
    let app = App::start(config, clock.clone()).await.unwrap();
    let test_app = TestApp { router: app.router(), app, clock, dir };
    test(&test_app).await;
    test_app.app.close().await;
    if let Some(schema) = schema {
        schema.drop().await;
    }
}

/// A schema of one's own on the PostgreSQL to test on.
pub struct Schema {
    base: String,
    name: String,
}

impl Schema {
    /// None where there is no server; panics where one is required.
    pub async fn create() -> Option<Self> {
        let Ok(base) = std::env::var("TAKT_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("TAKT_TEST_REQUIRE_POSTGRES").is_none(),
                "TAKT_TEST_POSTGRES must name a PostgreSQL server"
            );
            eprintln!("SKIPPED on PostgreSQL: set TAKT_TEST_POSTGRES to run");
            return None;
        };
        let name = format!("takt_{}", EventId::mint(&Clock::system()).uuid().simple());
        let db = Db::open(&base).await.unwrap();
        db.exec_dyn(format!("CREATE SCHEMA {name}"), Args::new()).await.unwrap();
        Some(Self { base, name })
    }
    pub fn url(&self) -> String {
        let separator = if self.base.contains('?') { '&' } else { '?' };
        format!("{}{separator}schema={}&max_connections=4", self.base, self.name)
    }
    /// Host and port of the server.
    pub fn address(&self) -> std::net::SocketAddr {
        let host = self.base.split('@').next_back().and_then(|rest| rest.split('/').next()).unwrap();
        host.parse().expect("TAKT_TEST_POSTGRES names an address and a port")
    }
    pub async fn drop(self) {
        let db = Db::open(&self.base).await.unwrap();
        db.exec_dyn(format!("DROP SCHEMA {} CASCADE", self.name), Args::new()).await.unwrap();
    }
}

impl TestApp {
    /// Sends a request; `token` as Bearer, `body` as JSON.
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.request(request.body(body).unwrap()).await
    }

    /// Sends any request.
    pub async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub async fn get(&self, path: &str, token: &str) -> Value {
        self.send("GET", path, Some(token), None).await.expect(200).json()
    }

    /// Signs up and answers the token.
    pub async fn sign_up(&self, handle: &str) -> String {
        let body = json!({"handle": handle, "password": "correct horse"});
        let answer = self.send("POST", "/api/v1/accounts", None, Some(body)).await.expect(201).json();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// An anonymous viewer's token.
    pub async fn viewer(&self) -> String {
        let answer = self.send("POST", "/api/v1/viewers", None, None).await.expect(201).json();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Puts a public video into the catalogue without transcoding one: its rows and its event.
    pub async fn publish(&self, handle: &str, caption: &str) -> VideoId {
        let state = self.app.state();
        self.clock.advance_ms(1_000);
        let now = self.clock.now();
        let (account,): (AccountId,) =
            state.db.one("SELECT id FROM account WHERE handle = $1", args![handle]).await.unwrap();
        let video = VideoId::mint(&self.clock);
        let sql = "INSERT INTO video (id, account_id, status, stage, percent, caption, ai_generated, poster_ms, \
                   duration_ms, width, height, created_ms, published_ms) \
                   VALUES ($1, $2, 'ready', 'ready', 100, $3, FALSE, 0, 10000, 540, 960, $4, $4)";
        state.db.exec(sql, args![video, account, caption, now]).await.unwrap();
        let terms = takt_recommender::caption_terms(caption);
        let event = Event::VideoPublished {
            video,
            creator: account,
            sound: None,
            language: None,
            tags: terms.tags,
            words: terms.words,
            duration_ms: 10_000,
        };
        state.feed.record(event, &[b"published", video.bytes()]).await.unwrap();
        video
    }

    /// Reports one event with a fresh id.
    pub async fn report(&self, token: &str, kind: &str, item: &Value, watch_ms: Option<u32>) -> Answer {
        let mut event = json!({
            "id": EventId::mint(&Clock::system()), "type": kind, "video_id": item["video"]["id"],
            "impression_id": item["impression_id"], "at": self.clock.now(),
        });
        if let Some(watch_ms) = watch_ms {
            event["watch_ms"] = watch_ms.into();
        }
        self.send("POST", "/api/v1/events", Some(token), Some(json!({"events": [event]}))).await
    }
}
