//! What became of every file, as a table and as an exit code.

use std::fmt::Write as _;
use std::path::PathBuf;

/// More ready files than this are counted instead of listed.
const READY_ROWS_MAX: usize = 100;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Playable.
    Ready,
    /// Handed over; nobody waited for the processing.
    Uploaded,
    /// The account has these bytes already, or another file of this run does: says which.
    Duplicate(String),
    /// Not tried: no video by its name.
    NoVideo,
    /// The server could not make a video of it: the reason it gave.
    Failed(String),
    /// It could not be read, sent, or waited for: why.
    Error(String),
}

impl Outcome {
    /// Whether the person who ran the import has something to look after.
    pub(crate) const fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Error(_))
    }

    /// The outcome in a few words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Ready => "ready".into(),
            Self::Uploaded => "uploaded, being processed".into(),
            Self::Duplicate(of) => format!("skipped: {of}"),
            Self::NoVideo => "skipped: not a video file by its name".into(),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Error(reason) => format!("error: {reason}"),
        }
    }
}

/// One file and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The file as it was found.
    pub(crate) path: PathBuf,
    /// Its fate.
    pub(crate) outcome: Outcome,
}

/// The table, with a line of totals at its end.
pub(crate) fn table(rows: &[Row]) -> String {
    let count = |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    let ready = count(|outcome| matches!(outcome, Outcome::Ready));
    let shown: Vec<(String, String)> = rows
        .iter()
        .filter(|row| ready <= READY_ROWS_MAX || row.outcome != Outcome::Ready)
        .map(|row| (printable(&row.path.display().to_string()), printable(&row.outcome.describe())))
        .collect();
    let width = shown.iter().map(|(path, _)| console::measure_text_width(path)).max().unwrap_or(0);
    let mut text = String::new();
    for (path, outcome) in &shown {
        let padding = " ".repeat(width - console::measure_text_width(path));
        let _ = writeln!(text, "{path}{padding}  {outcome}");
    }
    let totals = [
        (ready, "ready"),
        (count(|outcome| matches!(outcome, Outcome::Uploaded)), "uploaded"),
        (count(|outcome| matches!(outcome, Outcome::Duplicate(_))), "skipped as duplicates"),
        (count(|outcome| matches!(outcome, Outcome::NoVideo)), "skipped as no videos"),
        (count(|outcome| matches!(outcome, Outcome::Failed(_))), "failed"),
        (count(|outcome| matches!(outcome, Outcome::Error(_))), "not imported"),
    ];
    let told: Vec<String> =
        totals.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let files = if rows.len() == 1 { "file" } else { "files" };
    let _ = writeln!(text, "{} {files}: {}", rows.len(), told.join(", "));
    text
}

/// Names and reasons come from outside: what would steer a terminal is shown as a question mark.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, outcome: Outcome) -> Row {
        Row { path: path.into(), outcome }
    }

    #[test]
    fn every_fate_has_a_line_and_a_total() {
        let rows = [
            row("a.mp4", Outcome::Ready),
            row("folder/b.mov", Outcome::Failed("it is too long: 70 s, at most 60 s".into())),
            row("c.mp4", Outcome::Duplicate("same bytes as a.mp4".into())),
            row("notes.txt", Outcome::NoVideo),
            row("evil\u{1b}[2J.mp4", Outcome::Error("permission denied".into())),
        ];
        let expected = "\
a.mp4         ready
folder/b.mov  failed: it is too long: 70 s, at most 60 s
c.mp4         skipped: same bytes as a.mp4
notes.txt     skipped: not a video file by its name
evil?[2J.mp4  error: permission denied
5 files: 1 ready, 1 skipped as duplicates, 1 skipped as no videos, 1 failed, 1 not imported
";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn many_ready_files_are_counted() {
        let mut rows = vec![row("ready.mp4", Outcome::Ready); READY_ROWS_MAX + 1];
        rows.push(row("bad.mp4", Outcome::Failed("no picture".into())));
        assert_eq!(table(&rows), "bad.mp4  failed: no picture\n102 files: 101 ready, 1 failed\n");
    }
}
