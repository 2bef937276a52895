//! Finding what to import: files as they are named, folders all the way down, in the order of their names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// File name endings that videos commonly have. A file named on the command line needs none of them.
const VIDEO_EXTENSIONS: [&str; 16] = [
    "3g2", "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts",
    "webm", "wmv",
];
/// Folders inside folders, at most.
const DEPTH_MAX: usize = 64;

/// What came of looking at one path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file to import.
    File(PathBuf),
    /// A file in a folder that is no video by its name.
    NoVideo(PathBuf),
    /// A path that could not be looked at, and why.
    Unreadable(PathBuf, String),
}

/// Everything below `paths`, each file once.
pub(crate) fn walk(paths: &[PathBuf]) -> Vec<Found> {
    let mut walk = Walk { found: Vec::new(), met: HashSet::new() };
    for path in paths {
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk.folder(path, 0),
            Ok(meta) if meta.is_file() => walk.file(path.clone()),
            Ok(_) => walk.unreadable(path, "neither a file nor a folder"),
            Err(error) => walk.unreadable(path, error),
        }
    }
    walk.found
}

struct Walk {
    found: Vec<Found>,
    met: HashSet<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.unreadable(folder, "folders are nested too deeply");
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, error),
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            // Links to folders are not followed: they may lead in circles, or out of what was meant.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&path, depth + 1),
                Ok(kind) if kind.is_file() || (kind.is_symlink() && path.is_file()) => {
                    self.file_in_folder(path)
                }
                Ok(_) => {}
                Err(error) => self.unreadable(&path, error),
            }
        }
    }

    fn file_in_folder(&mut self, path: PathBuf) {
        // Names that begin with a dot belong to systems (`._clip.mp4` is a Mac's note about clip.mp4), not to people.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && has_video_extension(&path) {
            self.file(path);
        } else {
            self.found.push(Found::NoVideo(path));
        }
    }

    fn file(&mut self, path: PathBuf) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.clone());
        if self.met.insert(identity) {
            self.found.push(Found::File(path));
        }
    }

    fn unreadable(&mut self, path: &Path, reason: impl std::fmt::Display) {
        self.found.push(Found::Unreadable(path.to_owned(), reason.to_string()));
    }
}

fn has_video_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    VIDEO_EXTENSIONS.contains(&extension.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("b/deep")).unwrap();
        for name in ["z.mp4", "a.MOV", "notes.txt", "b/clip.webm", "b/deep/x.3gp", "b/.hidden.mp4", "plain"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        dir
    }

    #[test]
    fn folders_are_walked_in_the_order_of_names() {
        let dir = tree();
        let relative = |path: &Path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
        let lines: Vec<String> = walk(&[dir.path().to_owned()])
            .iter()
            .map(|found| match found {
                Found::File(path) => relative(path),
                Found::NoVideo(path) => format!("no video: {}", relative(path)),
                Found::Unreadable(path, reason) => format!("{}: {reason}", relative(path)),
            })
            .collect();
        let expected = [
            "a.MOV",
            "no video: b/.hidden.mp4",
            "b/clip.webm",
            "b/deep/x.3gp",
            "no video: notes.txt",
            "no video: plain",
            "z.mp4",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_named_file_needs_no_ending_and_comes_once() {
        let dir = tree();
        let plain = dir.path().join("plain");
        let again = dir.path().join("b/../plain");
        assert_eq!(walk(&[plain.clone(), again]), [Found::File(plain)]);
    }

    #[test]
    fn what_is_missing_is_told_and_the_rest_goes_on() {
        let dir = tree();
        let (missing, there) = (dir.path().join("missing.mp4"), dir.path().join("z.mp4"));
        let found = walk(&[missing.clone(), there.clone()]);
        assert!(matches!(&found[0], Found::Unreadable(path, _) if *path == missing), "{found:?}");
        assert_eq!(found[1], Found::File(there));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_ends() {
        let dir = tree();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b/circle")).unwrap();
        assert_eq!(walk(&[dir.path().to_owned()]).len(), 7);
    }
}
