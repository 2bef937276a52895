//! Sessions: who is asking. Opaque tokens, of which only the SHA-256 is kept.

mod auth;
pub mod routes;
mod store;

pub use auth::{Account, Caller, MaybeSession, Viewer, with_cookie, without_cookie};

use crate::error::{Error, Result};
use crate::state::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use takt_core::{AccountId, SessionId, Timestamp, ViewerId};
use takt_recommender::Event;
use takt_store::Tx;

const TOKEN_BYTES: usize = 32;
const DAY_MS: i64 = 86_400_000;
/// A session's last use is written down at most this often.
const TOUCH_MS: i64 = 3_600_000;
const CLIENT_CHARS_MAX: usize = 120;

/// A session as a request sees it.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub id: SessionId,
    pub viewer: ViewerId,
    pub account: Option<AccountId>,
}

/// A secret that names a session. Shown once, to whoever opened it.
pub struct Token(String);

impl Token {
    fn mint() -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom_fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }
    /// The text to hand out.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Randomness for secrets.
pub fn getrandom_fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has randomness");
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Opens a session for a new viewer without an account.
pub async fn open_anonymous(state: &State, client: &str) -> Result<(Session, Token)> {
    let viewer = ViewerId::mint(&state.clock);
    state.db.write(async |tx: &mut Tx| open(tx, state, viewer, None, client).await).await
}

/// Opens a session within `tx`.
pub async fn open(
    tx: &mut Tx,
    state: &State,
    viewer: ViewerId,
    account: Option<AccountId>,
    client: &str,
) -> Result<(Session, Token)> {
    let token = Token::mint();
    let session = Session { id: SessionId::mint(&state.clock), viewer, account };
    let client: String = client.chars().filter(|c| !c.is_control()).take(CLIENT_CHARS_MAX).collect();
    store::insert(tx, &hash(token.reveal()), session, &client, state.clock.now(), expiry(state)).await?;
    Ok((session, token))
}

fn expiry(state: &State) -> Timestamp {
    state.clock.now().plus_ms(i64::from(state.config.account.session_days) * DAY_MS)
}

/// The session `token` names, unless it has expired or was closed.
pub async fn find(state: &State, token: &str) -> Result<Option<Session>> {
    let hash = hash(token);
    let now = state.clock.now();
    let Some(row) = store::by_token(&state.db, &hash).await? else { return Ok(None) };
    if row.expires_ms <= now {
        return Ok(None);
    }
    if now.millis() - row.last_seen_ms.millis() > TOUCH_MS {
        store::touch(&state.db, &hash, now, expiry(state)).await?;
    }
    Ok(Some(Session { id: row.id, viewer: row.viewer_id, account: row.account_id }))
}

/// Lets an account take over what the anonymous viewer `from` taught the recommender.
pub async fn merge_viewer(state: &State, from: ViewerId, into: ViewerId) -> Result<()> {
    if from == into {
        return Ok(());
    }
    let identity: [&[u8]; 3] = [b"merge", from.bytes(), into.bytes()];
    let position = state.feed.record(Event::ViewerMerged { from, into }, &identity).await?;
    state.feed.wait_projected(position).await;
    Ok(())
}

/// Closes one session.
pub async fn close(state: &State, session: SessionId) -> Result<()> {
    store::delete(&state.db, session).await
}

/// Closes every session of the account.
pub async fn close_all(state: &State, account: AccountId) -> Result<()> {
    store::delete_all(&state.db, account).await
}

/// Removes sessions past their time; called now and then.
pub async fn purge_expired(state: &State) -> Result<u64> {
    store::delete_expired(&state.db, state.clock.now()).await
}

/// The account of a session, or the refusal that asks to sign in.
pub fn require_account(session: Option<Session>) -> Result<(Session, AccountId)> {
    session.and_then(|s| s.account.map(|account| (s, account))).ok_or_else(Error::unauthenticated)
}
