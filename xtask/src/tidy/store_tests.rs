//! No compiler reads our SQL, so a test has to: every function of a `store.rs` must be reached from a test.
//!
//! Reached is taken literally and on purpose coarsely: from the names in test code, through the bodies of all
//! functions with these names, to the functions of the store.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding};

/// Checks every `store.rs` of the server's slices.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let rust: Vec<&File> =
        files.iter().filter(|file| file.path.starts_with("crates/") && file.path.ends_with(".rs")).collect();
    let mut bodies: BTreeMap<String, Vec<BTreeSet<String>>> = BTreeMap::new();
    let mut reached = BTreeSet::new();
    for file in &rust {
        let (code, tests) = split_tests(file);
        reached.extend(words(tests));
        for (name, body) in functions(code) {
            bodies.entry(name.to_owned()).or_default().push(words(body).collect());
        }
    }
    spread(&bodies, &mut reached);
    let stores = rust.iter().filter(|file| file.path.ends_with("/store.rs"));
    stores.flat_map(|file| unreached(file, &reached)).collect()
}

fn unreached(file: &File, reached: &BTreeSet<String>) -> Vec<Finding> {
    let (code, _) = split_tests(file);
    let mut findings = Vec::new();
    for (name, _) in functions(code).filter(|(name, _)| !reached.contains(*name)) {
        let line =
            code.lines().position(|line| line.contains(&format!("fn {name}"))).map_or(0, |index| index + 1);
        findings.push(Finding::line(
            file,
            line,
            format!("no test reaches `{name}`, so nobody has run its SQL"),
        ));
    }
    findings
}

/// Follows names through bodies until nothing new turns up.
fn spread(bodies: &BTreeMap<String, Vec<BTreeSet<String>>>, reached: &mut BTreeSet<String>) {
    let mut open: Vec<String> = reached.iter().filter(|name| bodies.contains_key(*name)).cloned().collect();
    while let Some(name) = open.pop() {
        for word in bodies.get(&name).into_iter().flatten().flatten() {
            if reached.insert(word.clone()) && bodies.contains_key(word) {
                open.push(word.clone());
            }
        }
    }
}

/// The code and the tests of a file; a test file is all tests.
fn split_tests(file: &File) -> (&str, &str) {
    if file.path.contains("/tests/") || file.path.ends_with("/tests.rs") {
        return ("", &file.text);
    }
    match file.text.find("\n#[cfg(test)]") {
        Some(at) => file.text.split_at(at),
        None => (&file.text, ""),
    }
}

/// Names and bodies of functions: a body reaches to the next function, which is near enough.
fn functions(code: &str) -> impl Iterator<Item = (&str, &str)> {
    code.split("fn ").skip(1).filter_map(|part| {
        let end = part.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        (end > 0 && matches!(part.as_bytes()[end], b'(' | b'<')).then(|| part.split_at(end))
    })
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    const STORE: &str =
        "pub(super) async fn by_owner(db: &Db) { query() }\npub(super) async fn rename(db: &Db) {}\n";

    #[test]
    fn a_function_that_no_test_reaches_is_named() {
        let files = [
            file("crates/s/src/video/store.rs", STORE),
            file("crates/s/src/video/mod.rs", "pub async fn list() { store::by_owner(db).await }"),
            file("crates/s/tests/it/video.rs", "list().await;"),
        ];
        let findings = check(&files);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("rename") && findings[0].line == 2, "{findings:?}");
    }

    #[test]
    fn tests_in_the_same_file_count() {
        let text = format!("{STORE}\n#[cfg(test)]\nmod tests {{ by_owner(); rename(); }}\n");
        assert!(check(&[file("crates/s/src/video/store.rs", &text)]).is_empty());
    }
}
