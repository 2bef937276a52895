//! What of the demo has been done: a small JSON file in the data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// What has been done so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Everything is done.
    pub(crate) done: bool,
    /// Sample creators by handle.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Ids of published videos by the clip's slug.
    pub(crate) videos: BTreeMap<String, String>,
    /// Sample viewers who are through.
    pub(crate) viewers: Vec<String>,
}

/// A sample creator's way in. The password is random: a demo on an open address must not have a known one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    /// For people who want to sign in as a sample creator.
    pub(crate) password: String,
    /// For this program.
    pub(crate) token: String,
}

/// Where the state is kept.
pub(crate) fn file(data: &Path) -> PathBuf {
    data.join("demo.json")
}

impl State {
    /// Reads the state; `None` where the folder holds no demo.
    ///
    /// # Errors
    /// Where the file cannot be read or was edited into something else.
    pub(crate) fn load(data: &Path) -> Result<Option<Self>> {
        let path = file(data);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("reading {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes the state in one step, readable by its owner only.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub(crate) fn save(&self, data: &Path) -> Result<()> {
        std::fs::create_dir_all(data).with_context(|| format!("creating {}", data.display()))?;
        // A temporary file is made with mode 0600.
        let mut temporary = tempfile::NamedTempFile::new_in(data).context("creating a file")?;
        serde_json::to_writer_pretty(&mut temporary, self).context("writing the demo's state")?;
        temporary.persist(file(data)).with_context(|| format!("writing {}", file(data).display()))?;
        Ok(())
    }
}
