//! SQL of sessions.

use super::Session;
use crate::error::Result;
use takt_core::{AccountId, SessionId, Timestamp, ViewerId};
use takt_store::{Db, Tx, args, record};

record! {
    /// A session as it is found by its token.
    pub struct TokenRow {
        pub id: SessionId,
        pub viewer_id: ViewerId,
        pub account_id: Option<AccountId>,
        pub last_seen_ms: Timestamp,
        pub expires_ms: Timestamp,
    }
}

record! {
    /// A session as its owner sees it in a list.
    pub struct ListRow {
        pub id: SessionId,
        pub client: String,
        pub created_ms: Timestamp,
        pub last_seen_ms: Timestamp,
    }
}

pub async fn insert(
    tx: &mut Tx,
    token_hash: &[u8],
    session: Session,
    client: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO session (token_hash, id, viewer_id, account_id, client, created_ms, last_seen_ms, expires_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";
    let args = args![token_hash.to_vec(), session.id, session.viewer, session.account, client, now, expires];
    tx.exec(sql, args).await?;
    Ok(())
}

pub async fn by_token(db: &Db, token_hash: &[u8]) -> Result<Option<TokenRow>> {
    let sql = "SELECT id, viewer_id, account_id, last_seen_ms, expires_ms FROM session WHERE token_hash = $1";
    Ok(db.opt(sql, args![token_hash.to_vec()]).await?)
}

pub async fn touch(db: &Db, token_hash: &[u8], now: Timestamp, expires: Timestamp) -> Result<()> {
    let sql = "UPDATE session SET last_seen_ms = $2, expires_ms = $3 WHERE token_hash = $1";
    db.exec(sql, args![token_hash.to_vec(), now, expires]).await?;
    Ok(())
}

pub async fn by_account(db: &Db, account: AccountId) -> Result<Vec<ListRow>> {
    let sql = "SELECT id, client, created_ms, last_seen_ms FROM session WHERE account_id = $1 ORDER BY id DESC LIMIT 200";
    Ok(db.all(sql, args![account]).await?)
}

pub async fn delete(db: &Db, session: SessionId) -> Result<()> {
    db.exec("DELETE FROM session WHERE id = $1", args![session]).await?;
    Ok(())
}

pub async fn delete_all(db: &Db, account: AccountId) -> Result<()> {
    db.exec("DELETE FROM session WHERE account_id = $1", args![account]).await?;
    Ok(())
}

pub async fn delete_expired(db: &Db, now: Timestamp) -> Result<u64> {
    Ok(db.exec("DELETE FROM session WHERE expires_ms <= $1", args![now]).await?)
}
