//! Results for people (Markdown) and for programs (JSON).

use crate::experiment::{Contender, Plan};
use crate::metrics::{Estimate, Recovery};
use crate::recommender::Kind;
use crate::run::{FOLLOWED_SWIPES, FeedbackRates, Outcome};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A number that every run has.
pub struct Metric {
    /// In JSON.
    pub key: &'static str,
    /// In tables.
    pub title: &'static str,
    /// Factor and digits for people: shares become per cent.
    scale: (f64, usize),
    /// What it is of a run.
    pub value: fn(&Outcome) -> f64,
}

/// In the order of the tables.
pub const METRICS: &[Metric] = &[
    Metric {
        key: "satisfied_s_per_session",
        title: "satisfied watch time, s per session",
        scale: (1.0, 1),
        value: |run| run.satisfied_s_per_session,
    },
    Metric {
        key: "satisfied_share",
        title: "satisfied, % of impressions",
        scale: (100.0, 1),
        value: |run| run.satisfied_share,
    },
    Metric {
        key: "swipes_per_session",
        title: "session, videos",
        scale: (1.0, 1),
        value: |run| run.swipes_per_session,
    },
    Metric {
        key: "minutes_per_session",
        title: "session, minutes",
        scale: (1.0, 2),
        value: |run| run.minutes_per_session,
    },
    Metric {
        key: "newcomers_satisfied_share",
        title: "newcomers' first 30 videos satisfied, %",
        scale: (100.0, 1),
        value: |run| run.newcomers_satisfied_share,
    },
    Metric {
        key: "found_share",
        title: "new videos with 100 impressions in a day, %",
        scale: (100.0, 1),
        value: |run| run.found_share,
    },
    Metric {
        key: "found_share_best",
        title: "of the best quarter, %",
        scale: (100.0, 1),
        value: |run| run.found_share_best,
    },
    Metric { key: "creator_gini", title: "creators, Gini", scale: (1.0, 3), value: |run| run.creator_gini },
    Metric { key: "repeats", title: "repeats", scale: (1.0, 0), value: |run| run.repeats as f64 },
    Metric {
        key: "after_change_share",
        title: "satisfied in 50 swipes after a change of taste, %",
        scale: (100.0, 1),
        value: |run| run.after_change_share,
    },
    Metric {
        key: "lost_after_change",
        title: "lost by the change in these 50 swipes, points",
        scale: (100.0, 1),
        value: |run| run.unchanged_share - run.after_change_share,
    },
];

impl Metric {
    fn show(&self, estimate: Estimate) -> String {
        let (factor, digits) = self.scale;
        let mean = format!("{:.digits$}", factor * estimate.mean);
        match factor * estimate.half_width {
            0.0 => mean,
            width if width.is_finite() => format!("{mean} ± {width:.digits$}"),
            _ => mean,
        }
    }
}

/// Everything as Markdown: what was run, the table, the differences, what the feedback looked like.
pub fn markdown(plan: &Plan, contenders: &[Contender]) -> String {
    let mut text = String::new();
    let config = &plan.config;
    let _ = writeln!(
        text,
        "{} worlds (seeds {} to {}) of {} viewers, {} creators, {} videos at the start and {} uploads a day; \
         {} days, the first {} of them for learning. Intervals are 95 % over the worlds.\n",
        plan.seeds.len(),
        plan.seeds.first().unwrap_or(&0),
        plan.seeds.last().unwrap_or(&0),
        config.viewers,
        config.creators,
        config.videos_before,
        config.uploads_per_day,
        config.days,
        config.measured_from_day,
    );
    table(&mut text, contenders, |contender, metric| metric.show(contender.estimate(metric.value)));
    recovery_row(&mut text, contenders);
    if let Some(takt) = contenders.iter().find(|contender| contender.kind == Kind::Takt) {
        let _ =
            writeln!(text, "\nTakt less the other in the same worlds; bold where the interval excludes 0:\n");
        let others: Vec<Contender> =
            contenders.iter().filter(|contender| contender.kind != Kind::Takt).cloned().collect();
        table(&mut text, &others, |other, metric| {
            let difference = takt.above(other, metric.value);
            let shown = metric.show(difference);
            if difference.is_positive() || difference.is_negative() { format!("**{shown}**") } else { shown }
        });
    }
    let _ = writeln!(text, "\nWhat the feedback looked like, in per cent of impressions:\n");
    feedback_table(&mut text, contenders);
    text
}

fn header(text: &mut String, contenders: &[Contender]) {
    let titles: Vec<_> = contenders.iter().map(|contender| contender.kind.title()).collect();
    let _ = writeln!(text, "| | {} |", titles.join(" | "));
    let _ = writeln!(text, "| --- |{}", " ---: |".repeat(contenders.len()));
}

fn table(text: &mut String, contenders: &[Contender], cell: impl Fn(&Contender, &Metric) -> String) {
    header(text, contenders);
    for metric in METRICS {
        let cells: Vec<_> = contenders.iter().map(|contender| cell(contender, metric)).collect();
        let _ = writeln!(text, "| {} | {} |", metric.title, cells.join(" | "));
    }
}

fn recovery_row(text: &mut String, contenders: &[Contender]) {
    let cells: Vec<_> = contenders
        .iter()
        .map(|contender| {
            let estimate = contender.recovery();
            let range = |high: usize| if high >= FOLLOWED_SWIPES { "more".into() } else { format!("{high}") };
            match estimate.pooled {
                Recovery::NoDrop => "no loss".to_owned(),
                Recovery::After(swipes) => format!("{swipes} ({} to {})", estimate.low, range(estimate.high)),
                Recovery::NotWithin(swipes) => format!("over {swipes} (from {})", estimate.low),
            }
        })
        .collect();
    let _ = writeln!(text, "| swipes until 80 % of that is back | {} |", cells.join(" | "));
}

fn feedback_table(text: &mut String, contenders: &[Contender]) {
    header(text, contenders);
    let mut row = |title: &str, value: fn(&FeedbackRates) -> f64| {
        let mean = |contender: &Contender| contender.estimate(|run| value(&run.feedback)).mean;
        let cells: Vec<_> =
            contenders.iter().map(|contender| format!("{:.2}", 100.0 * mean(contender))).collect();
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    };
    row("left within 2 s", |rates| rates.skipped);
    row("watched to the end", |rates| rates.finished);
    row("positive by Kuaishou's label", |rates| rates.positive);
    row("liked", |rates| rates.liked);
    row("shared", |rates| rates.shared);
    row("not interested", |rates| rates.not_interested);
}

/// Everything as JSON, one value per world included.
pub fn json(plan: &Plan, contenders: &[Contender]) -> Value {
    let estimate = |estimate: Estimate, values: Vec<f64>| {
        let rounded: Vec<f64> = values.into_iter().map(round).collect();
        json!({ "mean": round(estimate.mean), "half_width": round(estimate.half_width), "per_world": rounded })
    };
    let rows: Vec<Value> = contenders
        .iter()
        .map(|contender| {
            let metrics: serde_json::Map<String, Value> = METRICS
                .iter()
                .map(|metric| {
                    let values = contender.outcomes.iter().map(metric.value).collect();
                    (metric.key.to_owned(), estimate(contender.estimate(metric.value), values))
                })
                .collect();
            let curve = |values: Vec<f64>| values.into_iter().map(round).collect::<Vec<f64>>();
            json!({
                "recommender": contender.kind,
                "metrics": metrics,
                "recovery_swipes": contender.recovery(),
                "learning_curve": curve(contender.curve(|run| &run.learning_curve)),
                "change_curve": curve(contender.curve(|run| &run.change_curve)),
                "unchanged_curve": curve(contender.curve(|run| &run.unchanged_curve)),
            })
        })
        .collect();
    json!({ "config": plan.config, "seeds": plan.seeds, "recommenders": rows })
}

/// Enough digits for people and for comparing runs of different machines.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_their_interval() {
        let show = |key: &str, mean, half_width| {
            let metric = METRICS.iter().find(|metric| metric.key == key).unwrap();
            metric.show(Estimate { mean, half_width })
        };
        assert_eq!(show("satisfied_share", 0.3456, 0.0123), "34.6 ± 1.2");
        assert_eq!(show("repeats", 0.0, 0.0), "0");
        assert_eq!(show("creator_gini", 0.5, f64::INFINITY), "0.500");
    }
}
