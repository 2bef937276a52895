//! Seeds nobody can shop for: each comes from a secret that was committed to in the log before it was used, and that
//! is revealed there once it is used no more.

use super::{Feed, dedup};
use crate::error::{Error, Result};
use crate::session::getrandom_fill;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use takt_core::{Timestamp, ViewerId};
use takt_recommender::Event;
use takt_store::Sync;
use tokio::sync::{RwLock, RwLockReadGuard};

/// A secret serves this long, then the next request begins another one and reveals it.
const EPOCH_MS: i64 = 60 * 60 * 1000;

/// A secret and since when it serves.
pub(super) struct Epoch {
    secret: [u8; 32],
    began: Timestamp,
}

impl Epoch {
    /// SHA-256 of the secret: what the log was told before the first seed came from it.
    pub(super) fn commitment(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
    /// The only seed for this viewer at this position.
    pub(super) fn seed(&self, viewer: ViewerId, position: u64) -> u64 {
        seed(&self.secret, viewer, position)
    }
    fn serves(&self, now: Timestamp) -> bool {
        (0..EPOCH_MS).contains(&(now.millis() - self.began.millis()))
    }
}

/// The seed that a secret gives: the first 8 bytes, most significant first, of HMAC-SHA256 (RFC 2104) under the secret
/// of the viewer's 16 bytes and the position's 8.
pub fn seed(secret: &[u8; 32], viewer: ViewerId, position: u64) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(viewer.bytes());
    mac.update(&position.to_be_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&mac.finalize().into_bytes()[..8]);
    u64::from_be_bytes(first)
}

/// The secret in use. It is kept in a file, so that the next process can reveal it.
pub(super) struct Seeds {
    path: PathBuf,
    current: RwLock<Option<Epoch>>,
}

impl Seeds {
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join("seeds"), current: RwLock::new(None) }
    }
}

impl Feed {
    /// The secret to draw from. While it is held, it is not revealed.
    pub(super) async fn epoch(&self, now: Timestamp) -> Result<RwLockReadGuard<'_, Epoch>> {
        // Once to look, once after a new one has begun; time may pass in between, but not an hour.
        for _ in 0..2 {
            let held = self.seeds.current.read().await;
            if let Ok(epoch) =
                RwLockReadGuard::try_map(held, |place| place.as_ref().filter(|e| e.serves(now)))
            {
                return Ok(epoch);
            }
            let mut place = self.seeds.current.write().await;
            if !place.as_ref().is_some_and(|epoch| epoch.serves(now)) {
                self.reveal(place.take()).await?;
                *place = Some(self.commit(now).await?);
            }
        }
        Err(Error::Internal("no secret to draw seeds from".into()))
    }

    /// Reveals the secret in use; the next page begins another one.
    pub(super) async fn end_epoch(&self) -> Result<()> {
        let mut place = self.seeds.current.write().await;
        self.reveal(place.take()).await
    }

    async fn reveal(&self, epoch: Option<Epoch>) -> Result<()> {
        let secret = match epoch {
            Some(epoch) => epoch.secret,
            // A process before this one may have left its secret.
            None => match read_secret(&self.seeds.path)? {
                Some(secret) => secret,
                None => return Ok(()),
            },
        };
        let commitment: [u8; 32] = Sha256::digest(secret).into();
        let entry = (dedup(&[b"seeds-revealed", &commitment]), Event::SeedsRevealed { secret });
        self.append(vec![entry], Sync::Durable).await?;
        std::fs::remove_file(&self.seeds.path)?;
        Ok(())
    }

    async fn commit(&self, now: Timestamp) -> Result<Epoch> {
        let mut secret = [0; 32];
        getrandom_fill(&mut secret);
        write_secret(&self.seeds.path, &secret)?;
        let epoch = Epoch { secret, began: now };
        let commitment = epoch.commitment();
        let entry = (dedup(&[b"seeds-committed", &commitment]), Event::SeedsCommitted { commitment });
        self.append(vec![entry], Sync::Durable).await?;
        Ok(epoch)
    }
}

/// The secret a file holds; none where there is no file, or a half-written one, which was never committed to.
pub(super) fn read_secret(path: &Path) -> std::io::Result<Option<[u8; 32]>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut secret = [0; 32];
    Ok(hex::decode_to_slice(text.trim(), &mut secret).is_ok().then_some(secret))
}

/// Writes a secret for nobody but this user, on disk when this returns.
pub(super) fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let unfinished = path.with_extension("unfinished");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(hex::encode(secret).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_function_of_secret_viewer_and_position() {
        let viewer = ViewerId::from_u128(7);
        let one = seed(&[1; 32], viewer, 5);
        // As Python's hmac module has it.
        assert_eq!(one, 4_675_896_845_416_055_992);
        assert_ne!(one, seed(&[2; 32], viewer, 5));
        assert_ne!(one, seed(&[1; 32], ViewerId::from_u128(8), 5));
        assert_ne!(one, seed(&[1; 32], viewer, 6));
    }
}
