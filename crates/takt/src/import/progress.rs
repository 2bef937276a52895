//! Saying how far the import is: bars on a terminal, lines elsewhere.

use super::summary::{Outcome, printable};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NAME_CHARS: usize = 32;

/// The progress of a whole run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Inner>);

struct Inner {
    /// `None` where nobody watches a terminal.
    bars: Option<Bars>,
    files: usize,
    done: AtomicUsize,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
}

impl Progress {
    /// Starts showing the progress of so many files.
    pub(crate) fn start(files: usize) -> Self {
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let total =
                all.add(ProgressBar::new(files as u64).with_style(style("{bar:32} {pos}/{len} files")));
            Bars { all, total }
        });
        Self(Arc::new(Inner { bars, files, done: AtomicUsize::new(0) }))
    }

    /// The file is next.
    pub(crate) fn file(&self, path: &Path, bytes: u64) -> FileProgress {
        let name = printable(&path.file_name().unwrap_or_default().to_string_lossy());
        let bar = self.0.bars.as_ref().map(|bars| {
            let bar = ProgressBar::new(bytes).with_style(upload_style()).with_prefix(short(&name));
            bars.all.insert_before(&bars.total, bar)
        });
        FileProgress { run: self.clone(), name, bar }
    }

    /// A file's fate is known.
    pub(crate) fn done(&self, path: &Path, outcome: &Outcome) {
        let done = self.0.done.fetch_add(1, Ordering::Relaxed) + 1;
        let line = format!("{}: {}", printable(&path.display().to_string()), printable(&outcome.describe()));
        match &self.0.bars {
            Some(bars) => {
                bars.total.inc(1);
                if outcome.is_bad() {
                    // Where the line can not be written the table at the end still says it.
                    let _ = bars.all.println(line);
                }
            }
            None => eprintln!("[{done}/{}] {line}", self.0.files),
        }
    }

    /// Nothing more comes: the bars go away.
    pub(crate) fn finish(&self) {
        if let Some(bars) = &self.0.bars {
            bars.total.finish_and_clear();
            let _ = bars.all.clear();
        }
    }
}

/// The progress of one file; its bar goes away with it.
pub(crate) struct FileProgress {
    run: Progress,
    name: String,
    bar: Option<ProgressBar>,
}

impl FileProgress {
    /// A function that hears how many bytes were sent.
    pub(crate) fn sent(&self) -> impl Fn(u64) + Clone + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |bytes| {
            if let Some(bar) = &bar {
                bar.set_position(bytes);
            }
        }
    }

    /// The upload begins.
    pub(crate) fn uploading(&self, bytes: u64) {
        if self.bar.is_none() {
            eprintln!("{}: uploading {}", self.name, indicatif::HumanBytes(bytes));
        }
    }

    /// The server has the file. While it waits for its turn there is nothing to show.
    pub(crate) fn uploaded(&mut self) {
        self.remove_bar();
    }

    /// The server works on it.
    pub(crate) fn processing(&mut self, stage: &str, percent: f64) {
        let Some(bars) = &self.run.0.bars else { return };
        if percent <= 0.0 {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(100).with_style(processing_style()).with_prefix(short(&self.name));
            bars.all.insert_before(&bars.total, bar)
        });
        bar.set_message(printable(stage));
        bar.set_position(percent.clamp(0.0, 100.0) as u64);
    }

    fn remove_bar(&mut self) {
        if let (Some(bars), Some(bar)) = (&self.run.0.bars, self.bar.take()) {
            bar.finish_and_clear();
            bars.all.remove(&bar);
        }
    }
}

impl Drop for FileProgress {
    fn drop(&mut self) {
        self.remove_bar();
    }
}

fn short(name: &str) -> String {
    console::truncate_str(name, NAME_CHARS, "…").into_owned()
}

fn upload_style() -> ProgressStyle {
    style("{prefix:32} {bar:24} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12}")
}

fn processing_style() -> ProgressStyle {
    style("{prefix:32} {bar:24} {percent:>9}% {msg}")
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well-formed").progress_chars("━╸ ")
}
