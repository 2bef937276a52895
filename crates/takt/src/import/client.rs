//! The part of Takt's HTTP API that an import needs.

use super::retry::{Backoff, is_transient, retry_after};
use anyhow::{Context as _, Result as AnyResult, bail};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two bytes of an answer. Signing in hashes a password, so an answer may take some seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
const USER_AGENT: &str = concat!("takt-import/", env!("CARGO_PKG_VERSION"));

/// Why a call was in vain.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The server said no, for a reason that another try does not change.
    Refused(Refusal),
    /// The session is no longer valid: nothing more can be done in this run.
    SignedOut,
    /// The server did not answer in spite of several tries, or not in a way that can be understood.
    Unreachable(String),
    /// The fault is on this side: a file or folder that cannot be used.
    Local(String),
}

/// A server's no.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Stable name of the reason, empty where the answer was no problem document.
    pub(crate) code: String,
    /// The reason in words.
    pub(crate) detail: String,
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.detail),
            Self::SignedOut => f.write_str("the session was signed out meanwhile"),
            Self::Unreachable(reason) | Self::Local(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ClientError {}

/// What a call gives.
pub(crate) type Result<T, E = ClientError> = std::result::Result<T, E>;

/// A video as its creator sees it; only the fields an import reads.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Video {
    pub(crate) id: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) failure: Option<Failure>,
    #[serde(default)]
    pub(crate) progress: Option<Progress>,
}

/// Where a video stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Processing,
    Ready,
    Failed,
}

/// Why a video could not be made.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Failure {
    pub(crate) message: String,
}

/// How far the processing is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Progress {
    #[serde(default)]
    pub(crate) stage: String,
    #[serde(default)]
    pub(crate) percent: f64,
}

#[derive(Deserialize)]
struct VideoEnvelope {
    video: Video,
}

#[derive(Deserialize)]
struct ProblemBody {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    field: Option<String>,
}

/// What a video is published with.
#[derive(Debug, Clone)]
pub(crate) struct Publication<'a> {
    pub(crate) upload_id: &'a str,
    pub(crate) caption: &'a str,
    pub(crate) language: Option<&'a str>,
    pub(crate) ai_generated: bool,
}

/// A signed-in client of one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
}

/// How an account came to be signed in.
pub(crate) struct SignedIn {
    pub(crate) client: Client,
    /// Only for an account just created: the codes that open it without the password.
    pub(crate) recovery_codes: Vec<String>,
}

impl Client {
    /// Signs in, and where `create` is set and the handle is free, signs up instead.
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub(crate) async fn sign_in(
        base: Url,
        handle: &str,
        password: &str,
        create: bool,
    ) -> AnyResult<SignedIn> {
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect would turn a POST into a GET; better to say so.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("can not set up an HTTP client")?;
        let mut client = Self { http, base, authorization: HeaderValue::from_static("") };
        let credentials = json!({ "handle": handle, "password": password });
        let post = |path| client.http.post(client.url(path)).json(&credentials);
        let (answer, created) = match client.send(|| post("/api/v1/sessions")).await {
            Err(ClientError::SignedOut) if create => (client.send(|| post("/api/v1/accounts")).await, true),
            other => (other, false),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(ClientError::SignedOut) => bail!("handle or password is wrong"),
            Err(ClientError::Refused(refusal)) if refusal.code == "handle_taken" => {
                bail!("the handle {handle} exists already, with another password")
            }
            Err(error) => return Err(error.into()),
        };
        #[derive(Deserialize)]
        struct Body {
            token: String,
            #[serde(default)]
            recovery_codes: Vec<String>,
        }
        let body: Body = answer.json().await.context("the server's answer to the sign-in makes no sense")?;
        client.authorization = HeaderValue::from_str(&format!("Bearer {}", body.token))
            .context("the server's answer to the sign-in makes no sense")?;
        client.authorization.set_sensitive(true);
        Ok(SignedIn { client, recovery_codes: if created { body.recovery_codes } else { Vec::new() } })
    }

    /// Closes the session. Where that fails it expires by itself.
    pub(crate) async fn sign_out(&self) {
        let _ = self.request(Method::DELETE, self.url("/api/v1/sessions/current")).send().await;
    }

    /// The account's video made from these source bytes.
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub(crate) async fn video_by_source(&self, sha256: &str) -> Result<Option<Video>> {
        self.video_at(&format!("/api/v1/me/sources/{sha256}")).await
    }

    /// The video with this id, unless it is gone.
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub(crate) async fn video(&self, id: &str) -> Result<Option<Video>> {
        self.video_at(&format!("/api/v1/videos/{id}")).await
    }

    async fn video_at(&self, path: &str) -> Result<Option<Video>> {
        match self.send(|| self.request(Method::GET, self.url(path))).await {
            Ok(answer) => json_of::<VideoEnvelope>(answer).await.map(|envelope| Some(envelope.video)),
            Err(ClientError::Refused(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a video of a finished upload.
    ///
    /// # Errors
    /// Where the server refuses or does not answer. A refusal may follow on a first try whose answer was lost.
    pub(crate) async fn publish(&self, publication: &Publication<'_>) -> Result<Video> {
        let mut body = json!({
            "upload_id": publication.upload_id,
            "caption": publication.caption,
            "ai_generated": publication.ai_generated,
        });
        if let Some(language) = publication.language {
            body["language"] = language.into();
        }
        let answer = self.send(|| self.request(Method::POST, self.url("/api/v1/videos")).json(&body)).await?;
        json_of::<VideoEnvelope>(answer).await.map(|envelope| envelope.video)
    }

    /// An address on the server.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url
    }

    /// A request with the session's token. Only for addresses of the server itself.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).header(AUTHORIZATION, self.authorization.clone())
    }

    /// Sends what `request` makes, again and again while the server is only away or busy.
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub(crate) async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        let mut backoff = Backoff::default();
        loop {
            let failed = match attempt(request()).await {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Refused(error) => return Err(error),
                Attempt::NotNow(failed) => failed,
            };
            match backoff.next(failed.retry_after) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(ClientError::Unreachable(failed.reason)),
            }
        }
    }
}

/// A try that may work later.
#[derive(Debug)]
pub(crate) struct NotNow {
    /// What went wrong.
    pub(crate) reason: String,
    /// What the server asked for.
    pub(crate) retry_after: Option<Duration>,
}

/// What came of sending one request once.
pub(crate) enum Attempt {
    /// 2xx.
    Answer(Response),
    /// The server is away or busy.
    NotNow(NotNow),
    /// Another try would change nothing.
    Refused(ClientError),
}

/// Sends once.
pub(crate) async fn attempt(request: RequestBuilder) -> Attempt {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_builder() => {
            return Attempt::Refused(ClientError::Local(reason_of(&error)));
        }
        Err(error) => return Attempt::NotNow(NotNow { reason: reason_of(&error), retry_after: None }),
    };
    let status = answer.status();
    if status.is_success() {
        return Attempt::Answer(answer);
    }
    if is_transient(status) {
        let retry_after = retry_after(answer.headers());
        let reason = format!("the server answers {status}");
        return Attempt::NotNow(NotNow { reason, retry_after });
    }
    Attempt::Refused(refusal(answer).await)
}

async fn refusal(answer: Response) -> ClientError {
    let status = answer.status();
    if status == StatusCode::UNAUTHORIZED {
        return ClientError::SignedOut;
    }
    if status.is_redirection() {
        let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or("elsewhere");
        let detail = format!("the server sends on to {location}: give its own address to --server");
        return ClientError::Refused(Refusal { status, code: String::new(), detail });
    }
    match answer.json::<ProblemBody>().await {
        Ok(problem) if !problem.detail.is_empty() => {
            let detail = match problem.field {
                Some(field) => format!("{field}: {}", problem.detail),
                None => problem.detail,
            };
            ClientError::Refused(Refusal { status, code: problem.code, detail })
        }
        _ => {
            let detail = format!("the server answers {status}; is there a Takt at this address?");
            ClientError::Refused(Refusal { status, code: String::new(), detail })
        }
    }
}

/// An answer's body, which is to be JSON of the API.
async fn json_of<T: DeserializeOwned>(answer: Response) -> Result<T> {
    let path = answer.url().path().to_owned();
    answer.json().await.map_err(|error| {
        ClientError::Unreachable(format!("the answer to {path} makes no sense: {}", reason_of(&error)))
    })
}

/// An error with its causes: what reqwest itself says is seldom the point.
pub(crate) fn reason_of(error: &dyn std::error::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        cause = error.source();
    }
    reason
}
