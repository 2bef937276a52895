//! Accounts: a handle and a password, nothing else asked.

mod passwords;
pub mod routes;
pub mod store;

pub use passwords::Passwords;

use crate::error::{Error, Result};
use crate::session::{self, Session, Token, getrandom_fill};
use crate::state::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use takt_core::{AccountId, Handle, Timestamp, ViewerId};
use takt_recommender::Event;
use takt_store::Tx;

const PASSWORD_CHARS_MIN: usize = 8;
const PASSWORD_BYTES_MAX: usize = 1024;
const RECOVERY_CODES: usize = 8;
const RECOVERY_CODE_BYTES: usize = 10;

/// What a person types to sign up or in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub handle: Handle,
    /// At least 8 characters.
    pub password: String,
}

/// A way back in without the password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    pub handle: Handle,
    /// One of the codes shown at sign-up. Each works once.
    pub recovery_code: String,
    /// The new password.
    pub password: String,
}

/// An account as everybody may see it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AccountBody {
    pub id: AccountId,
    pub handle: Handle,
    pub created_at: Timestamp,
}

/// A new session of an account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignedIn {
    pub account: AccountBody,
    /// Send it as `Authorization: Bearer`. Browsers use the cookie instead.
    pub token: String,
}

/// A new account with its first session.
pub struct NewAccount {
    pub account: AccountBody,
    pub token: Token,
    /// Shown once; only their hashes are kept.
    pub recovery_codes: Vec<String>,
}

/// Signs up. The anonymous viewer of `session` becomes the account's, so what it taught the feed is kept.
pub async fn create(
    state: &State,
    credentials: Credentials,
    session: Option<Session>,
    client: &str,
) -> Result<NewAccount> {
    check_password(&credentials.password)?;
    if !state.config.account.signup {
        return Err(Error::refused(
            StatusCode::FORBIDDEN,
            "signup_closed",
            "this server takes no new accounts",
        ));
    }
    if store::by_handle(&state.db, &credentials.handle).await?.is_some() {
        return Err(handle_taken());
    }
    let password_hash = state.passwords.hash(credentials.password).await?;
    let anonymous = session.filter(|s| s.account.is_none());
    let viewer = anonymous.map_or_else(|| ViewerId::mint(&state.clock), |s| s.viewer);
    let account = AccountBody {
        id: AccountId::mint(&state.clock),
        handle: credentials.handle,
        created_at: state.clock.now(),
    };
    let recovery_codes: Vec<String> = (0..RECOVERY_CODES).map(|_| mint_recovery_code()).collect();
    let hashes: Vec<Vec<u8>> = recovery_codes.iter().map(|code| hash_recovery_code(code)).collect();
    let token = state
        .db
        .write(async |tx: &mut Tx| {
            store::insert(tx, &account, &password_hash, viewer).await?;
            for hash in &hashes {
                store::insert_recovery_code(tx, account.id, hash).await?;
            }
            if let Some(old) = anonymous {
                store::delete_session(tx, old.id).await?;
            }
            let (_, token) = session::open(tx, state, viewer, Some(account.id), client).await?;
            Ok::<_, Error>(token)
        })
        .await
        .map_err(conflict_is_taken)?;
    Ok(NewAccount { account, token, recovery_codes })
}

fn handle_taken() -> Error {
    Error::Refused {
        status: StatusCode::CONFLICT,
        code: "handle_taken",
        message: "this handle is taken; choose another".into(),
        field: Some("handle".into()),
    }
}

/// Two sign-ups raced for one handle: the unique key decided.
fn conflict_is_taken(error: Error) -> Error {
    if matches!(error, Error::Conflict) { handle_taken() } else { error }
}

/// Signs in; refuses alike whether the handle or the password is wrong, in words and in time.
pub async fn sign_in(
    state: &State,
    credentials: Credentials,
    session: Option<Session>,
    client: &str,
) -> Result<(AccountBody, Token)> {
    let known = store::by_handle(&state.db, &credentials.handle).await?;
    let hash = known.as_ref().map(|row| row.password_hash.clone());
    if !state.passwords.verify(credentials.password, hash).await? {
        return Err(wrong_credentials());
    }
    let row = known.ok_or_else(wrong_credentials)?;
    let token = open_session(state, row.id, row.viewer_id, session, client).await?;
    Ok((row.body(), token))
}

async fn open_session(
    state: &State,
    account: AccountId,
    viewer: ViewerId,
    replaced: Option<Session>,
    client: &str,
) -> Result<Token> {
    if let Some(anonymous) = replaced.filter(|s| s.account.is_none()) {
        session::merge_viewer(state, anonymous.viewer, viewer).await?;
    }
    state
        .db
        .write(async |tx: &mut Tx| {
            if let Some(old) = replaced {
                store::delete_session(tx, old.id).await?;
            }
            let (_, token) = session::open(tx, state, viewer, Some(account), client).await?;
            Ok(token)
        })
        .await
}

fn wrong_credentials() -> Error {
    Error::refused(StatusCode::UNAUTHORIZED, "wrong_credentials", "handle or password is wrong")
}

/// Sets a new password by a recovery code, which is used up, and signs out everywhere else.
pub async fn recover(state: &State, recovery: Recovery, client: &str) -> Result<(AccountBody, Token)> {
    check_password(&recovery.password)?;
    let wrong = || {
        Error::refused(StatusCode::UNAUTHORIZED, "wrong_recovery_code", "handle or recovery code is wrong")
    };
    let row = store::by_handle(&state.db, &recovery.handle).await?.ok_or_else(wrong)?;
    let code_hash = hash_recovery_code(&recovery.recovery_code);
    if !store::has_recovery_code(&state.db, row.id, &code_hash).await? {
        return Err(wrong());
    }
    let password_hash = state.passwords.hash(recovery.password).await?;
    let token = state
        .db
        .write(async |tx: &mut Tx| {
            if store::delete_recovery_code(tx, row.id, &code_hash).await? == 0 {
                return Err(wrong());
            }
            store::set_password(tx, row.id, &password_hash).await?;
            store::delete_sessions(tx, row.id).await?;
            let (_, token) = session::open(tx, state, row.viewer_id, Some(row.id), client).await?;
            Ok(token)
        })
        .await?;
    Ok((row.body(), token))
}

/// Changes the password and signs out everywhere but here.
pub async fn change_password(
    state: &State,
    account: AccountId,
    session: Session,
    current: String,
    new: String,
) -> Result<()> {
    check_password(&new)?;
    require_password(state, account, "current_password", current).await?;
    let password_hash = state.passwords.hash(new).await?;
    state
        .db
        .write(async |tx: &mut Tx| {
            store::set_password(tx, account, &password_hash).await?;
            store::delete_other_sessions(tx, account, session.id).await
        })
        .await
}

/// Deletes the account with its videos, likes, sessions and taste. Can not be undone.
pub async fn delete(state: &State, account: AccountId, password: String) -> Result<()> {
    require_password(state, account, "password", password).await?;
    let viewer = store::viewer_of(&state.db, account).await?.ok_or_else(Error::unauthenticated)?;
    crate::draft::delete_all(state, account).await?;
    crate::video::delete_all(state, account).await?;
    crate::upload::delete_all(state, account).await?;
    let position = state.feed.record(Event::ViewerForgotten { viewer }, &[b"forget", viewer.bytes()]).await?;
    state.feed.wait_projected(position).await;
    state
        .db
        .write(async |tx: &mut Tx| {
            crate::sound::account_deleted(state, tx, account).await?;
            store::delete(tx, account).await
        })
        .await
}

async fn require_password(state: &State, account: AccountId, field: &str, password: String) -> Result<()> {
    let hash = store::password_hash(&state.db, account).await?;
    if state.passwords.verify(password, hash).await? {
        return Ok(());
    }
    Err(Error::Refused {
        status: StatusCode::FORBIDDEN,
        code: "wrong_password",
        message: "the password is wrong".into(),
        field: Some(field.into()),
    })
}

/// The account with this id, if it still exists.
pub async fn by_id(state: &State, account: AccountId) -> Result<Option<AccountBody>> {
    store::by_id(&state.db, account).await
}

/// The account with this handle, if there is one.
pub async fn by_handle(state: &State, handle: &Handle) -> Result<Option<AccountBody>> {
    Ok(store::by_handle(&state.db, handle).await?.map(|row| row.body()))
}

/// The handles of those accounts among `ids` that exist.
pub(crate) async fn handles(state: &State, ids: &[AccountId]) -> Result<Vec<(AccountId, Handle)>> {
    store::handles(&state.db, ids).await
}

/// What an account is called, if it exists.
pub(crate) async fn handle_of(state: &State, account: AccountId) -> Result<Option<Handle>> {
    Ok(store::by_id(&state.db, account).await?.map(|body| body.handle))
}

fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Error::invalid("password", "must have at least 8 characters"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::invalid("password", "must have at most 1024 bytes"));
    }
    Ok(())
}

/// 80 bits as four groups of four letters and digits that can not be mistaken for each other (Crockford's base 32).
fn mint_recovery_code() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0; RECOVERY_CODE_BYTES];
    getrandom_fill(&mut bytes);
    let bits = bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let letter = |n: u32| char::from(ALPHABET[(bits >> (5 * n)) as usize % 32]);
    (0..16).flat_map(|n| (n > 0 && n % 4 == 0).then_some('-').into_iter().chain([letter(n)])).collect()
}

/// Codes have 80 random bits, so a plain hash keeps them. Case and separators do not matter.
fn hash_recovery_code(code: &str) -> Vec<u8> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Sha256::digest(plain.to_ascii_uppercase().as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_readable_and_forgiving() {
        let code = mint_recovery_code();
        assert_eq!(code.len(), 19);
        assert_eq!(code.split('-').count(), 4);
        assert_ne!(code, mint_recovery_code());
        assert_eq!(hash_recovery_code(&code), hash_recovery_code(&code.to_lowercase().replace('-', " ")));
    }
}
