//! Password hashing: argon2id, off the async threads and only a few at a time, since each takes megabytes.

use crate::config;
use crate::error::{Error, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// Verified against where there is no such account, so that both answers take the same time.
    nobody: Arc<str>,
}

impl Passwords {
    /// Parameters from the configuration. RFC 9106 names the algorithm, OWASP the defaults.
    pub fn new(config: &config::Account) -> Result<Self> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_passes, 1, None)
            .map_err(|error| Error::Internal(format!("account.argon2_*: {error}")))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let places = std::thread::available_parallelism().map_or(2, usize::from);
        let nobody = hash(&argon2, "nobody")?.into();
        Ok(Self { argon2, places: Arc::new(Semaphore::new(places)), nobody })
    }

    /// The PHC string to store.
    pub async fn hash(&self, password: String) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, &password)).await?
    }

    /// Whether `password` matches; false without a hash, after the same work.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let (argon2, nobody) = (self.argon2.clone(), self.nobody.clone());
        self.run(move || {
            let known = stored.is_some();
            let text = stored.as_deref().unwrap_or(&nobody);
            let parsed =
                PasswordHash::new(text).map_err(|error| Error::Internal(format!("stored hash: {error}")))?;
            Ok(argon2.verify_password(password.as_bytes(), &parsed).is_ok() && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let closed = |_| Error::Internal("password hashing has stopped".to_owned());
        let _place = self.places.acquire().await.map_err(closed)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    let hash =
        argon2.hash_password(password.as_bytes()).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_passes() {
        let config = config::Account { argon2_memory_kib: 8, argon2_passes: 1, ..Default::default() };
        let passwords = Passwords::new(&config).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody".into(), None).await.unwrap());
    }
}
