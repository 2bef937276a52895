//! How much of the code knows which database it talks to.

use super::{File, Finding};

/// Branches between dialects that `takt-store` may have. Raising it is a decision: say why in the commit.
const BRANCHES_MAX: usize = 12;
/// Migrations that differ between the databases.
const SPLIT_MIGRATIONS_MAX: usize = 4;
const DIALECT_FILE: &str = "crates/takt-store/src/dialect.rs";
/// What SQL outside the dialect file may not say: PostgreSQL's own things, or values that depend on the server.
const UNPORTABLE: &[&str] = &[
    "NOW()",
    "CURRENT_TIMESTAMP",
    "SERIAL",
    "RETURNING *",
    "ILIKE",
    "::bigint",
    "::text",
    "pg_advisory",
    "AUTOINCREMENT",
];

/// Checks the budget and the slices' SQL.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.path == DIALECT_FILE {
            let branches = count_branches(&file.text);
            if branches > BRANCHES_MAX {
                findings.push(Finding::file(
                    file,
                    format!("{branches} dialect branches; the budget is {BRANCHES_MAX}"),
                ));
            }
        } else if is_sql(&file.path) {
            findings.extend(unportable(file));
        }
    }
    let split: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".postgres.sql")).collect();
    if split.len() > SPLIT_MIGRATIONS_MAX {
        findings.push(Finding::file(
            split[0],
            format!("{} migrations differ; the budget is {SPLIT_MIGRATIONS_MAX}", split.len()),
        ));
    }
    findings
}

/// A branch is a `match` or an `if` on the dialect; both name one of its variants.
fn count_branches(text: &str) -> usize {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines
        .filter(|line| {
            line.contains("Postgres =>") || line.contains("== Dialect::") || line.contains("matches!(")
        })
        .count()
}

fn is_sql(path: &str) -> bool {
    let shared = path.ends_with(".sql") && !path.ends_with(".postgres.sql") && !path.ends_with(".sqlite.sql");
    shared || path.ends_with("/store.rs")
}

fn unportable(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("//") || line.trim_start().starts_with("--") {
            continue;
        }
        if let Some(word) = UNPORTABLE.iter().find(|word| line.contains(**word)) {
            findings.push(Finding::line(
                file,
                index + 1,
                format!("`{word}` is not in the SQL that both databases share"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn branches_are_counted_and_bounded() {
        let branch = "match self { Self::Sqlite => \"\", \n Self::Postgres => \"FOR UPDATE SKIP LOCKED\" }\n";
        assert_eq!(count_branches(&branch.repeat(3)), 3);
        assert!(check(&[file(DIALECT_FILE, &branch.repeat(BRANCHES_MAX))]).is_empty());
        assert_eq!(check(&[file(DIALECT_FILE, &branch.repeat(BRANCHES_MAX + 1))]).len(), 1);
    }

    #[test]
    fn shared_sql_is_portable() {
        assert_eq!(check(&[file("crates/x/src/video/store.rs", "\"UPDATE video SET at = NOW()\"")]).len(), 1);
        assert_eq!(check(&[file("migrations/0001_a.sql", "id SERIAL")]).len(), 1);
        assert!(check(&[file("migrations/0001_a.postgres.sql", "id SERIAL")]).is_empty());
        assert!(check(&[file("migrations/0001_a.sql", "-- no SERIAL here")]).is_empty());
    }
}
