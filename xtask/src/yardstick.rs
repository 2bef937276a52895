//! The recommender measured from outside, by programs that know nothing of it but a line protocol.
//!
//! The programs and their data are not part of this repository: `--eval DIR` names a folder with `prequential.py`,
//! `engine_eval.py` and `requirements.txt`. Results, a table and a graph go to `bench/recommender/`.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::{paths, python, shell};

/// Arguments of `cargo xtask yardstick`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the measuring programs
    #[arg(long)]
    eval: PathBuf,
}

/// One line of the table: what is run, and what it has to reach.
struct Measure {
    name: &'static str,
    arguments: &'static [&'static str],
    shown: &'static [Shown],
}

/// One number of a result.
struct Shown {
    key: &'static str,
    title: &'static str,
    baseline: f64,
    target: f64,
}

const fn shown(key: &'static str, title: &'static str, baseline: f64, target: f64) -> Shown {
    Shown { key, title, baseline, target }
}

const MEASURES: [Measure; 5] = [
    Measure {
        name: "prequential",
        arguments: &["prequential.py", "kuairand_w1"],
        shown: &[shown("recall@20", "Recall@20", 0.150, 0.165), shown("ndcg@20", "NDCG@20", 0.063, 0.070)],
    },
    Measure {
        name: "frozen",
        arguments: &["prequential.py", "kuairand_w1", "--freeze"],
        shown: &[shown("recall@20", "Recall@20 without learning after the warm-up", 0.135, 0.0)],
    },
    Measure {
        name: "clicks",
        arguments: &["engine_eval.py", "clicks", "kuairand_w1"],
        shown: &[
            shown("auc_main_tab", "AUC, main tab", 0.651, 0.665),
            shown("logloss", "log loss", 0.0, 0.0),
        ],
    },
    Measure {
        name: "sequence",
        arguments: &["engine_eval.py", "sequence", "movielens_1m"],
        shown: &[shown("recall@10", "Recall@10", 0.291, 0.300), shown("ndcg@10", "NDCG@10", 0.168, 0.175)],
    },
    Measure {
        name: "split",
        arguments: &["engine_eval.py", "split", "tiktok"],
        shown: &[shown("recall@20", "Recall@20", 0.092, 0.100), shown("ndcg@20", "NDCG@20", 0.040, 0.043)],
    },
];

/// Builds the engine and the measuring programs' environment, runs every measure and writes down what came of it.
///
/// # Errors
/// Where something is missing, does not build, or a program fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let eval =
        options.eval.canonicalize().with_context(|| format!("looking for {}", options.eval.display()))?;
    let requirements =
        std::fs::read_to_string(eval.join("requirements.txt")).context("reading requirements.txt")?;
    let requirements: Vec<&str> =
        requirements.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let venv = python::venv("yardstick", &requirements)?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "takt"]))?;
    let folder = paths::root().join("bench/recommender");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut results = Vec::new();
    for measure in &MEASURES {
        let report = folder.join(format!("{}-state.json", measure.name));
        let engine =
            format!("{} recommender --stdio --report {}", paths::takt("release").display(), report.display());
        let mut program = shell::command(venv.bin("python"));
        program.current_dir(scratch()?).arg(eval.join(measure.arguments[0]));
        program.args(&measure.arguments[1..]).args(["--cmd", &engine]);
        eprintln!("{} ...", measure.arguments.join(" "));
        let output = shell::capture(&mut program)?;
        let line = output.lines().last().unwrap_or_default();
        let result: Value = serde_json::from_str(line).with_context(|| format!("reading `{line}`"))?;
        write(&folder.join(format!("{}.json", measure.name)), &serde_json::to_string_pretty(&result)?)?;
        results.push((measure, result, std::fs::read_to_string(&report).unwrap_or_default()));
    }
    write(&folder.join("README.md"), &table(&results)?)?;
    write(&folder.join("recall-by-day.svg"), &graph(&results)?)?;
    println!("{}", folder.join("README.md").display());
    Ok(())
}

/// A folder for what the programs leave behind.
fn scratch() -> Result<PathBuf> {
    let folder = paths::tools().join("yardstick");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, format!("{}\n", text.trim_end()))
        .with_context(|| format!("writing {}", path.display()))
}

fn table(results: &[(&Measure, Value, String)]) -> Result<String> {
    let mut page = String::from(HEAD);
    let _ = writeln!(page, "Machine: {}.\n", machine());
    page.push_str(
        "| measured by | what | best baseline | to reach | measured |\n| --- | --- | ---: | ---: | ---: |\n",
    );
    for (measure, result, _) in results {
        let command = measure.arguments.join(" ");
        for shown in measure.shown {
            let value =
                result[shown.key].as_f64().with_context(|| format!("{command} tells no {}", shown.key))?;
            let number = |value: f64| if value > 0.0 { format!("{value:.3}") } else { "–".to_owned() };
            let (baseline, target) = (number(shown.baseline), number(shown.target));
            let _ = writeln!(page, "| `{command}` | {} | {baseline} | {target} | {value:.4} |", shown.title);
        }
    }
    for (measure, _, report) in results {
        let report: Value =
            serde_json::from_str(report).with_context(|| format!("the report of {}", measure.name))?;
        if let Some(bins) = report["reliability"].as_array().filter(|bins| !bins.is_empty()) {
            page.push_str("\n## Reliability\n\nEvery exposure was predicted before it was learned, and sorted by what was predicted.\n\n");
            page.push_str("| exposures | predicted | observed |\n| ---: | ---: | ---: |\n");
            for bin in bins {
                let share = |key: &str| bin[key].as_f64().unwrap_or_default();
                let _ = writeln!(
                    page,
                    "| {} | {:.3} | {:.3} |",
                    bin["exposures"],
                    share("predicted"),
                    share("observed")
                );
            }
        }
        if let Some(outcomes) = report["outcomes"].as_object().filter(|outcomes| !outcomes.is_empty()) {
            page.push_str("\nThe other outcomes that the log tells of, likewise:\n\n");
            page.push_str("| outcome | exposures | predicted | observed |\n| --- | ---: | ---: | ---: |\n");
            for (outcome, bins) in outcomes {
                for bin in bins.as_array().into_iter().flatten() {
                    let share = |key: &str| bin[key].as_f64().unwrap_or_default();
                    let (predicted, observed) = (share("predicted"), share("observed"));
                    let _ = writeln!(
                        page,
                        "| {outcome} | {} | {predicted:.4} | {observed:.4} |",
                        bin["exposures"]
                    );
                }
            }
        }
        if measure.name == "prequential" {
            let _ = writeln!(
                page,
                "\nApplying took {:.1} s for {} entries, {:.0} per second on one core; the state then took {:.0} MB.\n",
                report["apply_s"].as_f64().unwrap_or_default(),
                report["entries"],
                report["entries"].as_f64().unwrap_or_default()
                    / report["apply_s"].as_f64().unwrap_or(1.0).max(1e-9),
                report["bytes"].as_f64().unwrap_or_default() / 1e6,
            );
        }
    }
    page.push_str("\n![Recall@20 by day](recall-by-day.svg)\n");
    Ok(page)
}

const HEAD: &str = "\
# The recommender against a yardstick

<!-- Written by `cargo xtask yardstick --eval DIR`. -->

The real engine under the policy compiled in, asked over `takt recommender --stdio`.
A replayed log measures agreement with what its platform chose to show and its viewers then liked; it does not estimate what viewers would have made of other choices.

";

/// What the numbers were taken on, as far as the system tells.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|rest| rest.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {cores} cores", name.unwrap_or("unknown processor").trim())
}

/// Recall@20 by day, learning and frozen.
fn graph(results: &[(&Measure, Value, String)]) -> Result<String> {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 320.0;
    let days = |name: &str| -> Result<Vec<f64>> {
        let found = results.iter().find(|(measure, ..)| measure.name == name);
        let days = found.and_then(|(_, result, _)| result["recall20_by_day"].as_array());
        Ok(days.with_context(|| format!("{name} tells no days"))?.iter().filter_map(Value::as_f64).collect())
    };
    let series = [("learning", "#0b6", days("prequential")?), ("frozen", "#888", days("frozen")?)];
    let top =
        series.iter().flat_map(|(.., values)| values).fold(0.05_f64, |top, &value| top.max(value)) * 1.1;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"16\" y=\"20\">Recall@20 by day of the log</text>\n"
    );
    let y = |value: f64| HEIGHT - 30.0 - value / top * (HEIGHT - 70.0);
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let _ = writeln!(
            svg,
            "<path d=\"M50 {0:.1}H{WIDTH}\" stroke=\"#ddd\"/><text x=\"8\" y=\"{0:.1}\">{value:.3}</text>",
            y(value)
        );
    }
    for (at, (name, colour, values)) in series.iter().enumerate() {
        if values.is_empty() {
            bail!("{name} has no days");
        }
        let x = |day: usize| 60.0 + day as f64 * (WIDTH - 160.0) / (values.len().max(2) - 1) as f64;
        let points: Vec<String> =
            values.iter().enumerate().map(|(day, &value)| format!("{:.1},{:.1}", x(day), y(value))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
            WIDTH - 90.0,
            50.0 + 18.0 * at as f64
        );
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}
