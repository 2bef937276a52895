//! SQL of accounts and their recovery codes.

use super::AccountBody;
use crate::error::Result;
use takt_core::{AccountId, Handle, SessionId, Timestamp, ViewerId};
use takt_store::{Args, Db, Tx, args, in_list, record};

const IDS_PER_STATEMENT: usize = 128;

record! {
    /// An account with what signing in needs.
    pub struct AccountRow {
        pub id: AccountId,
        pub handle: Handle,
        pub password_hash: String,
        pub viewer_id: ViewerId,
        pub created_ms: Timestamp,
    }
}

record! {
    /// What a profile counts.
    pub struct ProfileCounts {
        pub videos: i64,
        pub likes: i64,
        pub views: i64,
    }
}

impl AccountRow {
    /// What everybody may see of it.
    pub fn body(&self) -> AccountBody {
        AccountBody { id: self.id, handle: self.handle.clone(), created_at: self.created_ms }
    }
}

pub async fn insert(tx: &mut Tx, account: &AccountBody, password_hash: &str, viewer: ViewerId) -> Result<()> {
    let sql =
        "INSERT INTO account (id, handle, password_hash, viewer_id, created_ms) VALUES ($1, $2, $3, $4, $5)";
    tx.exec(sql, args![account.id, account.handle.clone(), password_hash, viewer, account.created_at])
        .await?;
    Ok(())
}

pub async fn by_handle(db: &Db, handle: &Handle) -> Result<Option<AccountRow>> {
    let sql = "SELECT id, handle, password_hash, viewer_id, created_ms FROM account WHERE handle = $1";
    Ok(db.opt(sql, args![handle.clone()]).await?)
}

pub async fn by_id(db: &Db, account: AccountId) -> Result<Option<AccountBody>> {
    let sql = "SELECT id, handle, password_hash, viewer_id, created_ms FROM account WHERE id = $1";
    let row: Option<AccountRow> = db.opt(sql, args![account]).await?;
    Ok(row.map(|row| row.body()))
}

pub async fn handles(db: &Db, ids: &[AccountId]) -> Result<Vec<(AccountId, Handle)>> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_STATEMENT) {
        let mut args = Args::new();
        for id in ids {
            args.push(*id);
        }
        let sql = format!("SELECT id, handle FROM account WHERE id IN ({})", in_list(1, ids.len()));
        let some: Vec<(AccountId, Handle)> = db.all_dyn(sql, args).await?;
        rows.extend(some);
    }
    Ok(rows)
}

pub async fn password_hash(db: &Db, account: AccountId) -> Result<Option<String>> {
    let row: Option<(String,)> =
        db.opt("SELECT password_hash FROM account WHERE id = $1", args![account]).await?;
    Ok(row.map(|row| row.0))
}

pub async fn viewer_of(db: &Db, account: AccountId) -> Result<Option<ViewerId>> {
    let row: Option<(ViewerId,)> =
        db.opt("SELECT viewer_id FROM account WHERE id = $1", args![account]).await?;
    Ok(row.map(|row| row.0))
}

pub async fn profile_counts(db: &Db, account: AccountId) -> Result<ProfileCounts> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS videos, CAST(COALESCE(SUM(c.likes), 0) AS BIGINT) AS likes, \
                      CAST(COALESCE(SUM(c.views), 0) AS BIGINT) AS views \
               FROM video v LEFT JOIN video_count c ON c.video_id = v.id \
               WHERE v.account_id = $1 AND v.status = 'ready' AND NOT v.unlisted";
    Ok(db.one(sql, args![account]).await?)
}

pub async fn set_password(tx: &mut Tx, account: AccountId, password_hash: &str) -> Result<()> {
    tx.exec("UPDATE account SET password_hash = $2 WHERE id = $1", args![account, password_hash]).await?;
    Ok(())
}

pub async fn insert_recovery_code(tx: &mut Tx, account: AccountId, code_hash: &[u8]) -> Result<()> {
    let sql = "INSERT INTO recovery_code (account_id, code_hash) VALUES ($1, $2)";
    tx.exec(sql, args![account, code_hash.to_vec()]).await?;
    Ok(())
}

pub async fn has_recovery_code(db: &Db, account: AccountId, code_hash: &[u8]) -> Result<bool> {
    let sql = "SELECT code_hash FROM recovery_code WHERE account_id = $1 AND code_hash = $2";
    let row: Option<(Vec<u8>,)> = db.opt(sql, args![account, code_hash.to_vec()]).await?;
    Ok(row.is_some())
}

pub async fn delete_recovery_code(tx: &mut Tx, account: AccountId, code_hash: &[u8]) -> Result<u64> {
    let sql = "DELETE FROM recovery_code WHERE account_id = $1 AND code_hash = $2";
    Ok(tx.exec(sql, args![account, code_hash.to_vec()]).await?)
}

pub async fn delete_session(tx: &mut Tx, session: SessionId) -> Result<()> {
    tx.exec("DELETE FROM session WHERE id = $1", args![session]).await?;
    Ok(())
}

pub async fn delete_sessions(tx: &mut Tx, account: AccountId) -> Result<()> {
    tx.exec("DELETE FROM session WHERE account_id = $1", args![account]).await?;
    Ok(())
}

pub async fn delete_other_sessions(tx: &mut Tx, account: AccountId, kept: SessionId) -> Result<()> {
    tx.exec("DELETE FROM session WHERE account_id = $1 AND id <> $2", args![account, kept]).await?;
    Ok(())
}

/// Everything that names the account. Its videos and its viewer's likes went before.
pub async fn delete(tx: &mut Tx, account: AccountId) -> Result<()> {
    tx.exec("DELETE FROM session WHERE account_id = $1", args![account]).await?;
    tx.exec("DELETE FROM recovery_code WHERE account_id = $1", args![account]).await?;
    tx.exec("DELETE FROM follow WHERE creator_id = $1", args![account]).await?;
    tx.exec("DELETE FROM account WHERE id = $1", args![account]).await?;
    Ok(())
}
