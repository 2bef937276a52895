//! How much of the code knows which database it talks to.

use super::{File, Finding};

/// Branches between dialects that `takt-store` may have. Raising it is a decision: say why in the commit.
const BRANCHES_MAX: usize = 12;
/// Migrations that differ between the databases.
const SPLIT_MIGRATIONS_MAX: usize = 4;
const STORE_DB: &str = "crates/takt-store/src/db/";
const DIALECT_FILE: &str = "crates/takt-store/src/db/dialect.rs";
/// The two databases' names in code; outside the store nobody asks which one it is.
const VARIANTS: &[&str] = &["Db::Lite", "Db::Pg"];
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
        } else if file.path.ends_with(".rs")
            && file.path.starts_with("crates/")
            && !file.path.starts_with(STORE_DB)
        {
            findings.extend(outside(
                file,
                VARIANTS,
                "asks which database it is: that belongs into dialect.rs",
            ));
        }
        if is_sql(&file.path) {
            findings.extend(outside(file, UNPORTABLE, "is not in the SQL that both databases share"));
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

/// A branch names PostgreSQL's side: an arm of a `match`, or a constant or function of its own.
fn count_branches(text: &str) -> usize {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines
        .filter(|line| line.contains("Self::Pg(") || line.contains("const PG_") || line.contains("fn pg_"))
        .count()
}

fn is_sql(path: &str) -> bool {
    let shared = path.ends_with(".sql") && !path.ends_with(".postgres.sql") && !path.ends_with(".sqlite.sql");
    shared || path.ends_with("/store.rs")
}

/// Lines of code, not of comments, that say a word which has no place there.
fn outside(file: &File, words: &[&str], why: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("//") || line.trim_start().starts_with("--") {
            continue;
        }
        if let Some(word) = words.iter().find(|word| line.contains(**word)) {
            findings.push(Finding::line(file, index + 1, format!("`{word}` {why}")));
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
        let branch = "match self { Self::Lite(_) => \"\", \n Self::Pg(_) => \"FOR UPDATE SKIP LOCKED\" }\n";
        assert_eq!(count_branches(&branch.repeat(3)), 3);
        assert!(check(&[file(DIALECT_FILE, &branch.repeat(BRANCHES_MAX))]).is_empty());
        assert_eq!(check(&[file(DIALECT_FILE, &branch.repeat(BRANCHES_MAX + 1))]).len(), 1);
    }

    #[test]
    fn nobody_else_asks_which_database_it_is() {
        let line = "if let Db::Pg(_) = db {}";
        assert_eq!(check(&[file("crates/takt-server/src/video/mod.rs", line)]).len(), 1);
        assert!(check(&[file("crates/takt-store/src/db/mod.rs", line)]).is_empty());
    }

    #[test]
    fn shared_sql_is_portable() {
        assert_eq!(check(&[file("crates/x/src/video/store.rs", "\"UPDATE video SET at = NOW()\"")]).len(), 1);
        assert_eq!(check(&[file("migrations/0001_a.sql", "id SERIAL")]).len(), 1);
        assert!(check(&[file("migrations/0001_a.postgres.sql", "id SERIAL")]).is_empty());
        assert!(check(&[file("migrations/0001_a.sql", "-- no SERIAL here")]).is_empty());
    }
}
