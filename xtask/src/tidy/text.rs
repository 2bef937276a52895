//! Words that do not belong into a finished file.

use super::{File, Finding};

/// Markers of unfinished work. Spelled in two halves, so that this file does not object to itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

/// Beginnings of paths that exist on one person's machine only.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];

const SELECT_ALL: &str = concat!("SELECT", " *");

/// Extensions that the rules apply to. `LICENSE` and lock files are not ours to change.
const EXTENSIONS: &[&str] =
    &["rs", "sql", "toml", "md", "ts", "mjs", "js", "svelte", "css", "html", "sh", "json", "run"];

/// Checks every line of every text file.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let ours = files.iter().filter(|file| is_ours(&file.path));
    ours.flat_map(|file| {
        file.text.lines().enumerate().filter_map(move |(index, line)| check_line(file, index + 1, line))
    })
    .collect()
}

fn is_ours(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit('.').next().unwrap_or_default();
    (EXTENSIONS.contains(&extension) || path == ".ci/run") && name != "package-lock.json"
}

fn check_line(file: &File, number: usize, line: &str) -> Option<Finding> {
    if let Some(word) = UNFINISHED.iter().find(|word| contains_word(line, word)) {
        return Some(Finding::line(
            file,
            number,
            format!("`{word}` marks unfinished work: finish it or open an issue"),
        ));
    }
    if let Some(path) = MACHINE_PATHS.iter().find(|path| contains_path(line, path)) {
        return Some(Finding::line(file, number, format!("`{path}` is a path of one machine")));
    }
    let is_code = file.path.ends_with(".rs") || file.path.ends_with(".sql");
    if is_code && line.to_uppercase().contains(SELECT_ALL) {
        return Some(Finding::line(
            file,
            number,
            "name the columns: a new one must not change what old code reads",
        ));
    }
    None
}

/// Whether a word stands alone, not as a part of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        // A bar makes it one of several words that another check looks for.
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '|');
        !joins(before) && (word.ends_with('(') || !joins(after))
    })
}

/// Whether an absolute path begins here, and not a part of an address like `https://example.org/x/`.
fn contains_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "\"'`(=:<".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn objects(path: &str, line: &str) -> bool {
        !check(&[file(path, line)]).is_empty()
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            assert!(objects("a.rs", &format!("// {word} later")), "{word}");
        }
        assert!(!objects("a.rs", &format!("mas{}n", UNFINISHED[0])));
        assert!(!objects("package-lock.json", UNFINISHED[0]));
    }

    #[test]
    fn paths_of_one_machine_are_found_and_addresses_are_not() {
        for path in MACHINE_PATHS {
            assert!(objects("a.md", &format!("see `{path}somebody/x`")), "{path}");
            assert!(!objects("a.md", &format!("https://example.org{path}x")), "{path}");
        }
    }

    #[test]
    fn columns_are_named() {
        assert!(objects("store.rs", &format!("{SELECT_ALL} FROM video")));
        assert!(objects("0001.sql", &format!("{} from video", SELECT_ALL.to_lowercase())));
        assert!(!objects("a.md", &format!("never write {SELECT_ALL}")));
        assert!(!objects("store.rs", "SELECT COUNT(*) FROM video"));
    }
}
