//! Where an interrupted upload stands: one small file per upload under way, in the user's state folder.
//!
//! The file holds an address that only works together with the account's session, never a secret.

use anyhow::{Context as _, Result};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Servers drop unfinished uploads after a day or so; what is this old leads nowhere.
const AGE_MAX: Duration = Duration::from_secs(14 * 86_400);

/// The uploads under way of one account on one server.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    folder: PathBuf,
    server: String,
    handle: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    server: String,
    handle: String,
    sha256: String,
    upload_url: String,
}

impl Resume {
    /// The record kept in `folder`, which is made where it is missing. Entries past use are removed.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub(crate) fn open(folder: PathBuf, server: &Url, handle: &str) -> Result<Self> {
        std::fs::create_dir_all(&folder).with_context(|| format!("can not make {}", folder.display()))?;
        remove_old(&folder);
        Ok(Self { folder, server: server.to_string(), handle: handle.to_owned() })
    }

    /// The usual folder: `$XDG_STATE_HOME/takt/import`, or `~/.local/state/takt/import`.
    pub(crate) fn usual_folder() -> PathBuf {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
        state.unwrap_or_else(std::env::temp_dir).join("takt/import")
    }

    /// Where the upload of these bytes had begun, if it had.
    pub(crate) fn find(&self, sha256: &str) -> Option<Url> {
        let text = std::fs::read(self.path(sha256)).ok()?;
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        let same = entry.server == self.server && entry.handle == self.handle && entry.sha256 == sha256;
        if same { entry.upload_url.parse().ok() } else { None }
    }

    /// Notes where the upload of these bytes began.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn note(&self, sha256: &str, upload_url: &Url) -> Result<()> {
        let entry = Entry {
            server: self.server.clone(),
            handle: self.handle.clone(),
            sha256: sha256.to_owned(),
            upload_url: upload_url.to_string(),
        };
        let path = self.path(sha256);
        write_whole(&path, &serde_json::to_vec(&entry)?)
            .with_context(|| format!("can not write {}", path.display()))
    }

    /// The upload is over, one way or another.
    pub(crate) fn forget(&self, sha256: &str) {
        // Nothing is lost where this fails: the server answers that the upload is gone, and a new one begins.
        let _ = std::fs::remove_file(self.path(sha256));
    }

    fn path(&self, sha256: &str) -> PathBuf {
        let mut key = Sha256::new();
        for part in [&self.server, &self.handle, sha256] {
            key.update(part.len().to_le_bytes());
            key.update(part);
        }
        self.folder.join(format!("{}.json", hex::encode(&key.finalize()[..16])))
    }
}

/// A reader sees the old bytes or the new ones, never half.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = std::fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

fn remove_old(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > AGE_MAX) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, server: &str, handle: &str) -> Resume {
        Resume::open(folder.to_owned(), &server.parse().unwrap(), handle).unwrap()
    }

    #[test]
    fn an_upload_is_found_again_by_server_account_and_bytes_only() {
        let dir = tempfile::tempdir().unwrap();
        let url: Url = "http://127.0.0.1:1/api/v1/uploads/7".parse().unwrap();
        open(dir.path(), "http://127.0.0.1:1", "ada").note("aa", &url).unwrap();
        let again = open(dir.path(), "http://127.0.0.1:1", "ada");
        assert_eq!(again.find("aa"), Some(url));
        assert_eq!(again.find("ab"), None);
        assert_eq!(open(dir.path(), "http://127.0.0.1:1", "bob").find("aa"), None);
        assert_eq!(open(dir.path(), "http://127.0.0.1:2", "ada").find("aa"), None);
        again.forget("aa");
        assert_eq!(again.find("aa"), None);
    }

    #[test]
    fn a_broken_or_old_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let resume = open(dir.path(), "http://127.0.0.1:1", "ada");
        let url: Url = "http://127.0.0.1:1/u".parse().unwrap();
        resume.note("aa", &url).unwrap();
        std::fs::write(resume.path("aa"), b"{\"server\":").unwrap();
        assert_eq!(resume.find("aa"), None);
        resume.note("aa", &url).unwrap();
        let old = std::fs::File::options().write(true).open(resume.path("aa")).unwrap();
        let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1);
        old.set_modified(long_ago).unwrap();
        assert_eq!(open(dir.path(), "http://127.0.0.1:1", "ada").find("aa"), None);
    }
}
