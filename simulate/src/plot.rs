//! Plots as SVG, readable on light and dark pages: colours follow the reader's scheme, the ground is drawn along.

use crate::experiment::Contender;
use crate::metrics::Estimate;
use crate::recommender::Kind;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 118.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 52.0;
/// Names beside lines keep this distance.
const LABEL_GAP: f64 = 16.0;
/// Values averaged for a smooth line.
const SMOOTHED: usize = 15;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:var(--ink);stroke:var(--ground);stroke-width:4px;paint-order:stroke}\
.title{font-size:16px;font-weight:600}.quiet{fill:var(--quiet)}.strong{font-weight:600}\
.ground{fill:var(--ground)}.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--quiet);stroke-width:1}\
.line{fill:none;stroke-width:2}.takt{stroke-width:3.5}\
:root{--ground:#fff;--ink:#1c1c1e;--quiet:#5f6368;--grid:#e3e3e6;\
--c0:#6b7280;--c1:#8f5f00;--c2:#8a3fb0;--c3:#0b7a52;--c4:#1a63c4;--c5:#c8102e;--c6:#5f6368}\
@media(prefers-color-scheme:dark){:root{--ground:#161618;--ink:#f2f2f4;--quiet:#a5a8ae;--grid:#333338;\
--c0:#a8adb7;--c1:#e0a940;--c2:#cf92ee;--c3:#4cc795;--c4:#7db4ff;--c5:#ff6b7d;--c6:#a5a8ae}}";

/// A range of values on a range of pixels.
#[derive(Debug, Clone, Copy)]
struct Scale {
    from: f64,
    to: f64,
    at_from: f64,
    at_to: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        self.at_from + (value - self.from) / (self.to - self.from) * (self.at_to - self.at_from)
    }

    /// Round values, about `count` of them.
    fn ticks(&self, count: f64) -> Vec<f64> {
        let rough = (self.to - self.from) / count;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|&step| step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|n| n as f64 * step).collect()
    }
}

/// Words of a plot.
struct Words<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
}

/// A plot being drawn.
struct Plot {
    svg: String,
    x: Scale,
    y: Scale,
}

impl Plot {
    fn new(words: &Words<'_>, x: (f64, f64), y: (f64, f64)) -> Self {
        let x = Scale { from: x.0, to: x.1, at_from: LEFT, at_to: WIDTH - RIGHT };
        let y = Scale { from: y.0, to: y.1, at_from: HEIGHT - BOTTOM, at_to: TOP };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\" aria-label=\"{0}\">\n<title>{0}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n\
             <text class=\"title\" x=\"20\" y=\"28\">{0}</text>\n\
             <text class=\"quiet\" x=\"20\" y=\"48\">{1}</text>\n",
            words.title, words.y,
        );
        let middle = (x.at_from + x.at_to) / 2.0;
        let _ = writeln!(
            svg,
            "<text class=\"quiet\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 12.0,
            words.x
        );
        Self { svg, x, y }
    }

    fn grid(&mut self, show_x: impl Fn(f64) -> String, show_y: impl Fn(f64) -> String) {
        let (left, right) = (self.x.at_from, self.x.at_to);
        for value in self.y.ticks(5.0) {
            let at = self.y.at(value);
            let class = if value == 0.0 { "axis" } else { "grid" };
            let _ = writeln!(
                self.svg,
                "<path class=\"{class}\" d=\"M{left:.1} {at:.1}H{right:.1}\"/><text class=\"quiet\" x=\"{:.1}\" \
                 y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                at + 4.5,
                show_y(value)
            );
        }
        for value in self.x.ticks(8.0) {
            let (at, bottom) = (self.x.at(value), self.y.at_from);
            let _ = writeln!(
                self.svg,
                "<path class=\"axis\" d=\"M{at:.1} {bottom:.1}v5\"/><text class=\"quiet\" x=\"{at:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{}</text>",
                bottom + 19.0,
                show_x(value)
            );
        }
    }

    fn line(&mut self, kind: Kind, points: &[(f64, f64)]) {
        let path: Vec<String> =
            points.iter().map(|&(x, y)| format!("{:.1} {:.1}", self.x.at(x), self.y.at(y))).collect();
        let class = if kind == Kind::Takt { "line takt" } else { "line" };
        let dash = dash(kind);
        let _ = writeln!(
            self.svg,
            "<path class=\"{class}\" stroke=\"{}\"{dash} d=\"M{}\"/>",
            colour(kind),
            path.join("L")
        );
    }

    /// Names at the right ends of lines, moved apart where they would touch.
    fn names(&mut self, ends: &[(Kind, f64)]) {
        let mut places: Vec<(f64, Kind)> = ends.iter().map(|&(kind, y)| (self.y.at(y), kind)).collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        for n in 1..places.len() {
            places[n].0 = places[n].0.max(places[n - 1].0 + LABEL_GAP);
        }
        // What was pushed below the ground goes up again.
        let mut most = HEIGHT - BOTTOM + 4.0;
        for place in places.iter_mut().rev() {
            place.0 = place.0.min(most);
            most = place.0 - LABEL_GAP;
        }
        for (at, kind) in places {
            self.name(kind, self.x.at_to + 8.0, at + 4.5, "start");
        }
    }

    fn name(&mut self, kind: Kind, x: f64, y: f64, anchor: &str) {
        let weight = if kind == Kind::Takt { " class=\"strong\"" } else { "" };
        let _ = writeln!(
            self.svg,
            "<text{weight} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" style=\"fill:{}\">{}</text>",
            colour(kind),
            kind.title()
        );
    }

    fn cross(&mut self, kind: Kind, x: Estimate, y: Estimate) {
        let (left, right) = (self.x.at(x.mean - width(x)), self.x.at(x.mean + width(x)));
        let (low, high) = (self.y.at(y.mean - width(y)), self.y.at(y.mean + width(y)));
        let (cx, cy) = (self.x.at(x.mean), self.y.at(y.mean));
        let _ = writeln!(
            self.svg,
            "<g stroke=\"{0}\" fill=\"{0}\" stroke-width=\"2\"><path d=\"M{left:.1} {cy:.1}H{right:.1}M{cx:.1} \
             {low:.1}V{high:.1}\"/><circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"4\"/></g>",
            colour(kind)
        );
    }

    fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

fn colour(kind: Kind) -> String {
    let place = Kind::ALL.iter().position(|&other| other == kind).unwrap_or(0);
    format!("var(--c{place})")
}

/// Lines are told apart without colour, too.
fn dash(kind: Kind) -> &'static str {
    match kind {
        Kind::Chronological => " stroke-dasharray=\"2 4\"",
        Kind::Popularity => " stroke-dasharray=\"8 4\"",
        Kind::Formula => " stroke-dasharray=\"8 3 2 3\"",
        Kind::Neighbours => " stroke-dasharray=\"4 3\"",
        Kind::Factorisation => " stroke-dasharray=\"14 4\"",
        Kind::Takt | Kind::Oracle => "",
    }
}

fn width(estimate: Estimate) -> f64 {
    if estimate.half_width.is_finite() { estimate.half_width } else { 0.0 }
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Each plot with the name of its file.
pub fn plots(contenders: &[Contender]) -> Vec<(&'static str, String)> {
    vec![
        ("simulation-satisfied.svg", satisfied(contenders)),
        ("simulation-found.svg", found(contenders)),
        ("simulation-learning.svg", learning(contenders)),
        ("simulation-change.svg", change(contenders)),
    ]
}

/// One row per recommender: satisfied watch time per session with its interval.
fn satisfied(contenders: &[Contender]) -> String {
    let estimates: Vec<(Kind, Estimate)> = contenders
        .iter()
        .map(|contender| (contender.kind, contender.estimate(|run| run.satisfied_s_per_session)))
        .collect();
    let most = estimates.iter().map(|(_, estimate)| estimate.mean + width(*estimate)).fold(1.0, f64::max);
    let words = Words {
        title: "Satisfied watch time per session",
        x: "seconds of videos that were worth it; bars: 95 % over worlds",
        y: "",
    };
    let mut plot = Plot::new(&words, (0.0, most * 1.08), (0.0, estimates.len() as f64));
    plot.x.at_from = RIGHT + 10.0;
    plot.x.at_to = WIDTH - 40.0;
    plot.y.at_to = TOP - 18.0;
    for value in plot.x.ticks(6.0) {
        let (at, bottom) = (plot.x.at(value), plot.y.at_from);
        let _ = writeln!(
            plot.svg,
            "<path class=\"grid\" d=\"M{at:.1} {bottom:.1}V{:.1}\"/><text class=\"quiet\" x=\"{at:.1}\" \
             y=\"{:.1}\" text-anchor=\"middle\">{value:.0}</text>",
            plot.y.at_to,
            bottom + 19.0
        );
    }
    for (n, &(kind, estimate)) in estimates.iter().rev().enumerate() {
        let y = Estimate { mean: n as f64 + 0.5, half_width: 0.0 };
        let _ = writeln!(
            plot.svg,
            "<path stroke=\"{}\" stroke-width=\"10\" opacity=\"0.25\" d=\"M{:.1} {:.1}H{:.1}\"/>",
            colour(kind),
            plot.x.at(0.0),
            plot.y.at(y.mean),
            plot.x.at(estimate.mean)
        );
        plot.cross(kind, estimate, y);
        plot.name(kind, RIGHT, plot.y.at(y.mean) + 4.5, "end");
    }
    plot.finish()
}

/// What viewers get against what new videos get.
fn found(contenders: &[Contender]) -> String {
    let rows: Vec<(Kind, Estimate, Estimate)> = contenders
        .iter()
        .map(|contender| {
            let found = contender.estimate(|run| 100.0 * run.found_share);
            (contender.kind, found, contender.estimate(|run| run.satisfied_s_per_session))
        })
        .collect();
    let most = rows.iter().map(|(_, _, y)| y.mean + width(*y)).fold(1.0, f64::max);
    let words = Words {
        title: "What viewers get, and what new videos get",
        x: "new videos with 100 impressions in their first day, %",
        y: "satisfied watch time, s per session",
    };
    let mut plot = Plot::new(&words, (-4.0, 104.0), (0.0, most * 1.08));
    plot.grid(whole, whole);
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (kind, x, y) in rows {
        plot.cross(kind, x, y);
        let (right, mut at) = (plot.x.at(x.mean + width(x)) + 10.0, plot.y.at(y.mean) + 4.5);
        // Names of neighbours go below one another.
        while taken.iter().any(|&(x, y)| (x - right).abs() < 90.0 && (y - at).abs() < LABEL_GAP) {
            at += 2.0;
        }
        taken.push((right, at));
        plot.name(kind, right, at, "start");
    }
    plot.finish()
}

/// From nothing on: the share that satisfies, day by day.
fn learning(contenders: &[Contender]) -> String {
    let curves: Vec<(Kind, Vec<f64>)> = contenders
        .iter()
        .map(|contender| (contender.kind, contender.curve(|run| &run.learning_curve)))
        .map(|(kind, curve)| (kind, curve.into_iter().map(|share| 100.0 * share).collect()))
        .collect();
    let days = curves.iter().map(|(_, curve)| curve.len()).max().unwrap_or(4) as f64 / 4.0;
    let most = curves.iter().flat_map(|(_, curve)| curve).copied().fold(1.0, f64::max);
    let words = Words {
        title: "Learning from nothing",
        x: "days",
        y: "videos that satisfied, % of impressions in each quarter of a day",
    };
    let mut plot = Plot::new(&words, (0.0, days), (0.0, most * 1.05));
    plot.grid(whole, whole);
    let mut ends = Vec::new();
    for (kind, curve) in &curves {
        let points: Vec<(f64, f64)> =
            curve.iter().enumerate().map(|(n, &share)| ((n as f64 + 0.5) / 4.0, share)).collect();
        plot.line(*kind, &points);
        ends.extend(points.last().map(|&(_, share)| (*kind, share)));
    }
    plot.names(&ends);
    plot.finish()
}

/// What a change of taste takes, swipe by swipe.
fn change(contenders: &[Contender]) -> String {
    let learns = |kind| !matches!(kind, Kind::Chronological | Kind::Popularity | Kind::Oracle);
    let curves: Vec<(Kind, Vec<f64>)> = contenders
        .iter()
        .filter(|contender| learns(contender.kind))
        .map(|contender| {
            let changed = contender.curve(|run| &run.change_curve);
            let stayed = contender.curve(|run| &run.unchanged_curve);
            let lost: Vec<f64> = changed.iter().zip(stayed).map(|(a, b)| 100.0 * (a - b)).collect();
            let smooth = lost.windows(SMOOTHED).map(|part| part.iter().sum::<f64>() / SMOOTHED as f64);
            (contender.kind, smooth.collect())
        })
        .collect();
    let values = || curves.iter().flat_map(|(_, curve): &(Kind, Vec<f64>)| curve.iter().copied());
    let (least, most) = (values().fold(-1.0, f64::min), values().fold(1.0, f64::max));
    let swipes = curves.iter().map(|(_, curve)| curve.len() + SMOOTHED).max().unwrap_or(SMOOTHED + 1) as f64;
    let words = Words {
        title: "After a sudden change of taste",
        x: "swipes since the change (mean of the last 15)",
        y: "videos that satisfied, points below (or above) viewers whose taste stayed",
    };
    let mut plot = Plot::new(&words, (0.0, swipes), (least * 1.1, most * 1.1));
    plot.grid(whole, whole);
    let mut ends = Vec::new();
    for (kind, curve) in &curves {
        let points: Vec<(f64, f64)> =
            curve.iter().enumerate().map(|(n, &lost)| ((n + SMOOTHED) as f64, lost)).collect();
        plot.line(*kind, &points);
        ends.extend(points.last().map(|&(_, lost)| (*kind, lost)));
    }
    plot.names(&ends);
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |from, to| Scale { from, to, at_from: 0.0, at_to: 1.0 }.ticks(5.0);
        assert_eq!(ticks(0.0, 100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-12.0, 3.0), [-10.0, -5.0, 0.0]);
    }

    #[test]
    fn names_keep_their_distance() {
        let words = Words { title: "t", x: "x", y: "y" };
        let mut plot = Plot::new(&words, (0.0, 1.0), (0.0, 1.0));
        plot.names(&[(Kind::Takt, 0.0), (Kind::Formula, 0.0), (Kind::Oracle, 0.01)]);
        let lines = plot.svg.lines().filter(|line| line.contains("text-anchor=\"start\""));
        let at: Vec<f64> = lines
            .map(|line| line.split("y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(at.len(), 3);
        assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= LABEL_GAP - 0.11), "{at:?}");
        assert!(at.iter().all(|&at| at < HEIGHT - BOTTOM + 20.0));
    }
}
