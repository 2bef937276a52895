//! Objects as files below a directory.

use super::{BlobError, BlobKey, BlobMeta, io, out_of};
use bytes::Bytes;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;

/// Half-written files are made here; same file system, so that renaming is atomic.
const SCRATCH: &str = "tmp";
/// A half-written file this old has lost its writer. Another process may be writing younger ones.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The whole object.
pub(super) const WHOLE: Range<u64> = 0..u64::MAX;

pub(super) struct Directory {
    root: Arc<PathBuf>,
}

impl Directory {
    pub(super) fn open(root: &Path) -> Result<Self, BlobError> {
        let scratch = root.join(SCRATCH);
        fs::create_dir_all(&scratch).map_err(|error| io("cannot make", &scratch, &error))?;
        sweep(&scratch);
        Ok(Self { root: Arc::new(root.to_owned()) })
    }

    pub(super) fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    pub(super) async fn put_file(&self, key: &BlobKey, source: &Path) -> Result<(), BlobError> {
        let (key, source) = (key.clone(), source.to_owned());
        self.run(move |root| {
            put(root, &key, |file| {
                let mut from = File::open(&source)?;
                std::io::copy(&mut from, file).map(|_| ())
            })
        })
        .await
    }

    pub(super) async fn put_bytes(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        let key = key.clone();
        self.run(move |root| put(root, &key, |file| file.write_all(&bytes))).await
    }

    pub(super) async fn head(&self, key: &BlobKey) -> Result<BlobMeta, BlobError> {
        let key = key.clone();
        self.run(move |root| {
            let path = root.join(key.as_str());
            let meta = fs::metadata(&path).map_err(|error| missing(&key, "cannot look at", &path, &error))?;
            Ok(BlobMeta { bytes: meta.len() })
        })
        .await
    }

    pub(super) async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        let key = key.clone();
        self.run(move |root| {
            let path = root.join(key.as_str());
            let failed = |error: std::io::Error| missing(&key, "cannot read", &path, &error);
            let mut file = File::open(&path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            // The whole of an empty object is its only part that may be empty.
            if range.start >= length && range != WHOLE {
                return Err(out_of(&key, &range));
            }
            let wanted = range.end.min(length) - range.start;
            let capacity = usize::try_from(wanted).map_err(|_| out_of(&key, &range))?;
            let mut bytes = Vec::with_capacity(capacity);
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
            file.take(wanted).read_to_end(&mut bytes).map_err(failed)?;
            Ok(bytes.into())
        })
        .await
    }

    pub(super) async fn fetch_to(&self, key: &BlobKey, target: &Path) -> Result<(), BlobError> {
        let (key, target) = (key.clone(), target.to_owned());
        self.run(move |root| {
            let path = root.join(key.as_str());
            let mut from = File::open(&path).map_err(|error| missing(&key, "cannot read", &path, &error))?;
            let mut to = File::create(&target).map_err(|error| io("cannot make", &target, &error))?;
            std::io::copy(&mut from, &mut to).map(|_| ()).map_err(|error| io("cannot write", &target, &error))
        })
        .await
    }

    pub(super) async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        let key = key.clone();
        self.run(move |root| remove(&root.join(key.as_str()), |path| fs::remove_file(path))).await
    }

    pub(super) async fn delete_video(&self, video: VideoId) -> Result<(), BlobError> {
        self.run(move |root| {
            remove(&root.join(media_folder(video)), |path| fs::remove_dir_all(path))?;
            remove(&root.join(BlobKey::source(video).as_str()), |path| fs::remove_file(path))
        })
        .await
    }

    pub(super) async fn list_video(&self, video: VideoId) -> Result<Vec<(BlobKey, BlobMeta)>, BlobError> {
        self.run(move |root| {
            let mut found = Vec::new();
            let source = BlobKey::source(video);
            let path = root.join(source.as_str());
            match fs::metadata(&path) {
                Ok(meta) => found.push((source, BlobMeta { bytes: meta.len() })),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(io("cannot look at", &path, &error)),
            }
            let folder = root.join(media_folder(video));
            let failed = |error: std::io::Error| io("cannot list", &folder, &error);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                // What does not have the form of a key is none of ours.
                let Some(Ok(key)) = entry.file_name().to_str().map(|name| BlobKey::media(video, name)) else {
                    continue;
                };
                found.push((key, BlobMeta { bytes: entry.metadata().map_err(failed)?.len() }));
            }
            Ok(found)
        })
        .await
    }

    pub(super) async fn ping(&self) -> Result<(), BlobError> {
        self.run(|root| {
            let (path, _) = scratch_file(root)?;
            fs::remove_file(&path).map_err(|error| io("cannot remove", &path, &error))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let root = self.root.clone();
        let done = tokio::task::spawn_blocking(move || work(&root)).await;
        done.map_err(|error| BlobError::Other(format!("a media store thread failed: {error}")))?
    }
}

fn media_folder(video: VideoId) -> String {
    format!("media/{video}")
}

/// Writes a file beside, syncs it, moves it into place and syncs its name.
fn put(
    root: &Path,
    key: &BlobKey,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<(), BlobError> {
    let (scratch, mut file) = scratch_file(root)?;
    let target = root.join(key.as_str());
    let done = fill(&mut file)
        .and_then(|()| file.sync_all())
        .and_then(|()| target.parent().map_or(Ok(()), fs::create_dir_all))
        .and_then(|()| fs::rename(&scratch, &target))
        .and_then(|()| sync_folders(root, &target));
    if let Err(error) = done {
        // Fails when the rename was done.
        let _ = fs::remove_file(&scratch);
        return Err(io("cannot store", &target, &error));
    }
    Ok(())
}

/// Syncs the folders from the one of `path` up to `root`, all of them: another call may have just made one and not
/// synced it yet.
fn sync_folders(root: &Path, path: &Path) -> std::io::Result<()> {
    for folder in path.ancestors().skip(1) {
        File::open(folder)?.sync_all()?;
        if folder == root {
            break;
        }
    }
    Ok(())
}

fn scratch_file(root: &Path) -> Result<(PathBuf, File), BlobError> {
    let name = u128::from_le_bytes(crate::db::random_bytes());
    let path = root.join(SCRATCH).join(format!("{name:032x}"));
    let file = File::create_new(&path).map_err(|error| io("cannot make", &path, &error))?;
    Ok((path, file))
}

/// Removes, durably, what may not be there.
fn remove(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), BlobError> {
    let failed = |error: std::io::Error| io("cannot remove", path, &error);
    match how(path) {
        Ok(()) => {
            let folder = path.parent().unwrap_or(path);
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

fn missing(key: &BlobKey, doing: &str, path: &Path, error: &std::io::Error) -> BlobError {
    match error.kind() {
        ErrorKind::NotFound => BlobError::NotFound(key.to_string()),
        _ => io(doing, path, error),
    }
}

/// Removes half-written files of processes that are gone.
fn sweep(scratch: &Path) {
    let Ok(entries) = fs::read_dir(scratch) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > ABANDONED_AFTER) {
            // Harmless when it stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}
