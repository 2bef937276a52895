//! Files that a person can still read in one go.

use super::{File, Finding};

const RUST_LINES_MAX: usize = 600;
const COMPONENT_LINES_MAX: usize = 400;
const SCRIPT_LINES_MAX: usize = 600;

/// Checks the length of every source file; tests at the end of a Rust file and generated files do not count.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Finding> {
    if is_exempt(&file.path) {
        return None;
    }
    let extension = file.path.rsplit('.').next().unwrap_or_default();
    let (lines, limit) = match extension {
        "rs" => (lines_before_tests(&file.text), RUST_LINES_MAX),
        "svelte" => (file.text.lines().count(), COMPONENT_LINES_MAX),
        "ts" | "mjs" | "css" => (file.text.lines().count(), SCRIPT_LINES_MAX),
        _ => return None,
    };
    (lines > limit).then(|| Finding::file(file, format!("{lines} lines; split it: at most {limit}")))
}

/// Generated code, and files that hold nothing but tests.
fn is_exempt(path: &str) -> bool {
    path.contains(".gen.")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with(".test.ts")
        || path.ends_with(".spec.ts")
}

fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_file_may_have_its_limit_and_no_line_more() {
        let text = |lines: usize| "x\n".repeat(lines);
        assert!(check(&[file("a.rs", &text(RUST_LINES_MAX))]).is_empty());
        assert_eq!(check(&[file("a.rs", &text(RUST_LINES_MAX + 1))]).len(), 1);
        assert_eq!(check(&[file("web/A.svelte", &text(COMPONENT_LINES_MAX + 1))]).len(), 1);
        assert!(check(&[file("web/schema.gen.ts", &text(9_000))]).is_empty());
        assert!(check(&[file("notes.md", &text(9_000))]).is_empty());
    }

    #[test]
    fn tests_at_the_end_do_not_count() {
        let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(10), "x\n".repeat(900));
        assert!(check(&[file("a.rs", &text)]).is_empty());
    }
}
