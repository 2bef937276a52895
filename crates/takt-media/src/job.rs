//! One upload on its way through the stages.

use std::path::Path;

use crate::{Limits, Tools};

/// Where one upload is worked on. All stages of one upload share it.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The programs to run.
    pub tools: &'a Tools,
    /// What an upload may cost and measure.
    pub limits: &'a Limits,
    /// The job's own folder, made by the server, empty at the start. The only place children may write to.
    pub dir: &'a Path,
    /// The upload as received. The only file besides the folder's contents that children may read.
    pub source: &'a Path,
}
