//! A job's folder: the one place its children may write to, gone when the job is.

use crate::error::Result;
use crate::state::State;
use std::path::{Path, PathBuf};
use takt_core::JobId;

/// An empty folder, removed with all it holds when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the job's folder, without what an earlier try may have left.
    pub(crate) async fn make(state: &State, job: JobId) -> Result<Self> {
        let path = state.config.data.dir.join("work").join(job.to_string());
        let folder = Self(std::path::absolute(path)?);
        folder.remove();
        tokio::fs::create_dir_all(&folder.0).await?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A handful of files, so it does not pay to wait elsewhere.
    fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.0.display(), "a work folder stays until the next start");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}
