//! Numbers for people.

use crate::load::{Measured, permille};
use std::fmt::Write as _;
use std::time::Duration;

/// CPU seconds of both sides over the time measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// The server with its children.
    pub(crate) server: f64,
    /// The generator.
    pub(crate) generator: f64,
}

/// Milliseconds with as many digits as matter.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// What a load came to, one line each.
pub(crate) fn print(title: &str, unit: &str, measured: &Measured, cpu: Cpu) {
    let answered = measured.latencies.len();
    let per_answer = |seconds: f64| seconds / (answered.max(1) as f64) * 1e6;
    let at = |part| ms(permille(&measured.latencies, part));
    let mut text = format!("{title}\n");
    let rate = |count: f64| count / measured.seconds.max(1e-9);
    let (requests, counted) = (rate(answered as f64), rate(measured.counted as f64));
    let _ = writeln!(
        text,
        "  achieved      {requests:.0} requests/s, {counted:.0} {unit}/s, errors {}",
        measured.errors_total()
    );
    let _ = writeln!(
        text,
        "  latency       p50 {}, p99 {}, p99.9 {}, max {}",
        at(500),
        at(990),
        at(999),
        at(1000)
    );
    let _ = writeln!(text, "  generator     was late by p99 {}", ms(permille(&measured.lateness, 990)));
    let _ = writeln!(
        text,
        "  CPU/request   server {:.0} us, generator {:.0} us ({:.0} % and {:.0} % of one core)",
        per_answer(cpu.server),
        per_answer(cpu.generator),
        100.0 * cpu.server / measured.seconds.max(1e-9),
        100.0 * cpu.generator / measured.seconds.max(1e-9),
    );
    if measured.bytes > 0 {
        let megabytes = measured.bytes as f64 / 1e6;
        let _ = writeln!(
            text,
            "  bytes         {:.0} MB/s, {:.0} MB per CPU second of the server",
            rate(megabytes),
            megabytes / cpu.server.max(1e-9),
        );
    }
    for (error, count) in &measured.errors {
        let _ = writeln!(text, "  error         {count} x {error}");
    }
    print!("{text}");
}

/// A target and whether it was met.
pub(crate) fn target(what: &str, met: bool) -> bool {
    println!("  {}        {what}", if met { "met   " } else { "MISSED" });
    met
}
