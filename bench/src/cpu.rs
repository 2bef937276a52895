//! CPU time of processes, from `/proc` (proc(5)): a process with its threads, its ended children and its living ones.

use std::collections::HashMap;

/// CPU seconds used so far by `pid` and everything below it. 0 for a process that is not there.
pub(crate) fn seconds_of_tree(pid: u32) -> f64 {
    let all = processes();
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (child, process) in &all {
        children.entry(process.parent).or_default().push(*child);
    }
    let (mut ticks, mut open) = (0, vec![pid]);
    while let Some(next) = open.pop() {
        ticks += all.get(&next).map_or(0, |process| process.own + process.reaped);
        open.extend(children.get(&next).into_iter().flatten());
    }
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// CPU seconds used so far by this very process, without its children.
pub(crate) fn seconds_of_self() -> f64 {
    seconds(|process| process.own)
}

/// CPU seconds used by those children of this process that have ended.
pub(crate) fn seconds_of_ended_children() -> f64 {
    seconds(|process| process.reaped)
}

fn seconds(of: fn(&Process) -> u64) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    parse(&stat).map_or(0, |process| of(&process)) as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// A command as it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its process.
    pub(crate) pid: u32,
    /// Program and arguments.
    pub(crate) words: Vec<String>,
    /// Its working folder.
    pub(crate) folder: std::path::PathBuf,
}

/// Everything below `pid` that is there at this moment.
pub(crate) fn commands_below(pid: u32) -> Vec<Running> {
    let all = processes();
    let is_below = |mut process: u32| {
        while let Some(parent) = all.get(&process).map(|p| p.parent) {
            if parent == pid {
                return true;
            }
            process = parent;
        }
        false
    };
    let mut found: Vec<_> = all.keys().copied().filter(|candidate| is_below(*candidate)).collect();
    found.sort_unstable();
    found.into_iter().filter_map(command).collect()
}

fn command(pid: u32) -> Option<Running> {
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut words: Vec<String> = words.collect();
    words.pop();
    (!words.is_empty()).then_some(Running { pid, words, folder })
}

struct Process {
    parent: u32,
    /// Ticks of all its threads.
    own: u64,
    /// Ticks of children that have ended and were waited for.
    reaped: u64,
}

fn processes() -> HashMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// The command's name may hold anything, so counting begins after the last parenthesis.
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Fields 4 (ppid) and 14 to 17 (utime, stime, cutime, cstime); the list here begins with field 3.
    let (own, reaped) = (number(11)? + number(12)?, number(13)? + number(14)?);
    Some(Process { parent: u32::try_from(number(1)?).ok()?, own, reaped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name() {
        let stat = "7 (a) R (b c) S 3 7 7 0 -1 4194304 1 2 3 4 100 20 3 1 20 0 9 0 1 2 3";
        let process = parse(stat).unwrap();
        assert_eq!((process.parent, process.own, process.reaped), (3, 120, 4));
    }

    #[test]
    fn work_shows() {
        let before = seconds_of_tree(std::process::id());
        let mut sum = 0u64;
        while seconds_of_self() < before + 0.05 {
            sum = sum.wrapping_add((0..100_000u64).fold(0, |a, b| a ^ b.wrapping_mul(b)));
        }
        assert!(seconds_of_tree(std::process::id()) >= before + 0.05, "{sum}");
    }
}
