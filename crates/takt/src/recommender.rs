//! `takt recommender --stdio`: the real engine under the real policy, measured from outside over a line protocol.
//!
//! Tab-separated lines come in; only `R` and `P` are answered, each by one line. Ids are integers, times milliseconds.
//!
//! ```text
//! I  item  {"author":..,"tags":..,"duration_ms":..}     a video of the catalogue
//! S  user  item item ...                                videos the viewer was shown before
//! E  ts  user  item  label  {raw event columns}         an exposure: label 1 = it was liked, 0 = it was not
//! R  ts  user  k                                        answer: up to k items, best first
//! P  ts  user  item  {"tab":..,"duration_ms":..}        answer: the probability that this exposure is liked
//! ```
//!
//! Invariant: nothing here learns or ranks. Lines become log entries; what a stream lacks (lengths, creators, watch times)
//! gets the same stand-in everywhere.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use takt_core::{AccountId, ImpressionId, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    Control, DEFAULT_POLICY, Engine, Event, LogEntry, OutcomeName, PageRequest, Policy, Subject,
};

/// How long a video is taken to be where the stream does not say.
const DURATION_MS: u32 = 15_000;
/// Watching for so long counts as watching through, however long the video is.
const ENOUGH_MS: u32 = 18_000;
/// The tab of a raw event that is the feed; a stream without tabs has nothing else.
const FEED_TAB: f64 = 1.0;

/// Command-line options.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Speak the line protocol on stdin and stdout
    #[arg(long, required = true)]
    stdio: bool,
    /// Rank by this policy file instead of the one compiled in
    #[arg(long)]
    policy: Option<PathBuf>,
    /// At the end, write to this file how large the state is, its digest, and how predictions compare with what was observed
    #[arg(long)]
    report: Option<PathBuf>,
}

/// What is read of a catalogue line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    author: Option<serde_json::Value>,
    music_id: Option<serde_json::Value>,
    tags: Option<serde_json::Value>,
    duration_ms: Option<f64>,
}

/// What is read of an event's raw columns.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    tab: Option<f64>,
    duration_ms: Option<f64>,
    play_ms: Option<f64>,
    watch_ms: Option<f64>,
    like: Option<f64>,
    forward: Option<f64>,
    share: Option<f64>,
    follow: Option<f64>,
    hate: Option<f64>,
}

impl Raw {
    fn read(text: &str) -> Result<Self> {
        if text == "{}" {
            return Ok(Self::default());
        }
        serde_json::from_str(text).context("raw columns")
    }

    fn on_feed(&self) -> bool {
        self.tab.is_none_or(|tab| tab == FEED_TAB)
    }
}

/// Runs until stdin ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    let policy = match &options.policy {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?,
        None => DEFAULT_POLICY.to_owned(),
    };
    let mut session = Session::new(Policy::from_toml(&policy)?);
    let mut answers = BufWriter::new(std::io::stdout().lock());
    let (mut input, mut line) =
        (std::io::BufReader::with_capacity(1 << 16, std::io::stdin().lock()), String::new());
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        if input.read_line(&mut line).with_context(|| format!("line {number}"))? == 0 {
            break;
        }
        let answer =
            session.line(line.trim_end()).with_context(|| format!("line {number}: {}", line.trim_end()))?;
        if let Some(answer) = answer {
            writeln!(answers, "{answer}")?;
            answers.flush()?;
        }
    }
    match &options.report {
        Some(path) => {
            let report = serde_json::to_string_pretty(&session.report())?;
            std::fs::write(path, report).with_context(|| format!("writing {}", path.display()))
        }
        None => Ok(()),
    }
}

/// The probabilities of all outcomes, in micro-units.
type Likely = Vec<(OutcomeName, i64)>;

pub(crate) struct Session {
    pub(crate) engine: Engine,
    /// What came before the stream.
    waiting: Vec<Event>,
    impressions: u128,
    /// The latest prediction: viewer, item and the probabilities of all outcomes in micro-units.
    predicted: Option<(u64, u64, Likely)>,
    /// Predictions of what the stream's label says and what was observed of them, by tenths of the probability.
    reliability: [Bin; BINS],
    /// The same for every outcome that the stream tells of, by [`BOUNDS`].
    outcomes: BTreeMap<OutcomeName, [Bin; BINS]>,
    applying: Duration,
}

/// Exposures that were predicted alike.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    exposures: u64,
    /// Sum of probabilities, in micro-units.
    predicted: i64,
    /// How many came to it, or the parts that were watched.
    happened: f64,
}

impl Bin {
    fn add(&mut self, likely: i64, happened: f64) {
        self.exposures += 1;
        self.predicted += likely;
        self.happened += happened;
    }

    fn report(&self) -> serde_json::Value {
        let exposures = self.exposures as f64;
        serde_json::json!({
            "exposures": self.exposures,
            "predicted": self.predicted as f64 / 1e6 / exposures,
            "observed": self.happened / exposures,
        })
    }
}

const BINS: usize = 10;
/// Where bins of outcomes begin, in micro-units: some happen once in a thousand exposures.
const BOUNDS: [i64; BINS] = [0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000];

impl Session {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            engine: Engine::new(policy),
            waiting: Vec::new(),
            impressions: 0,
            predicted: None,
            reliability: [Bin::default(); BINS],
            outcomes: BTreeMap::new(),
            applying: Duration::ZERO,
        }
    }

    fn report(&self) -> serde_json::Value {
        let rows =
            |bins: &[Bin]| bins.iter().filter(|bin| bin.exposures > 0).map(Bin::report).collect::<Vec<_>>();
        let outcomes: BTreeMap<&str, _> =
            self.outcomes.iter().map(|(outcome, bins)| (outcome.as_str(), rows(bins))).collect();
        serde_json::json!({
            "digest": hex::encode(self.engine.digest()),
            "bytes": self.engine.stats().bytes,
            "entries": self.engine.position(),
            "apply_s": self.applying.as_secs_f64(),
            "reliability": rows(&self.reliability),
            "outcomes": outcomes,
        })
    }

    pub(crate) fn line(&mut self, line: &str) -> Result<Option<String>> {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let mut next = |what: &'static str| fields.next().with_context(|| format!("{what} is missing"));
        match kind {
            "I" => {
                let (item, columns) = (next("item")?.parse()?, next("columns")?);
                // Not a number is not JSON; a column that is none is left out.
                let columns: Item = serde_json::from_str(&columns.replace(": NaN", ": null"))?;
                let event = Self::published(item, &columns);
                self.waiting.push(event);
            }
            "S" => {
                let viewer = viewer(next("user")?.parse()?);
                for item in next("items").unwrap_or_default().split_ascii_whitespace() {
                    let video = VideoId::from_u128(u128::from(item.parse::<u64>()?));
                    self.waiting.push(Event::Impression { viewer, impression: None, video });
                }
            }
            "E" => {
                let (at_ms, user, item) =
                    (next("time")?.parse()?, next("user")?.parse()?, next("item")?.parse()?);
                self.begin(at_ms);
                let (label, raw) = (next("label")?, Raw::read(next("columns").unwrap_or("{}"))?);
                if let Some((_, _, likely)) =
                    self.predicted.take().filter(|&(who, what, _)| (who, what) == (user, item))
                {
                    self.compare(&likely, label == "1", &raw);
                }
                self.exposure(at_ms, viewer(user), item, label == "1", &raw);
            }
            "R" => {
                let (at_ms, user, limit) =
                    (next("time")?.parse()?, next("user")?.parse()?, next("k")?.parse()?);
                self.begin(at_ms);
                let now = Timestamp::from_millis(at_ms);
                let request = PageRequest {
                    viewer: viewer(user),
                    account: None,
                    limit,
                    now,
                    seed: self.engine.position(),
                };
                let ids = self.engine.rank(&request);
                let ids: Vec<String> =
                    ids.iter().map(|(id, _)| (id.uuid().as_u128() as u64).to_string()).collect();
                return Ok(Some(ids.join(" ")));
            }
            "P" => {
                let (at_ms, user, item) =
                    (next("time")?.parse()?, next("user")?.parse()?, next("item")?.parse()?);
                self.begin(at_ms);
                let raw = Raw::read(next("columns").unwrap_or("{}"))?;
                let video = self.video(item, at_ms);
                let all = self.engine.predict_all(viewer(user), video, raw.on_feed());
                let enjoyed = all.iter().find(|(outcome, _)| *outcome == OutcomeName::Enjoyed);
                let likely = enjoyed.map_or(0, |&(_, likely)| likely);
                self.predicted = Some((user, item, all));
                return Ok(Some(format!("{}.{:06}", likely / 1_000_000, likely % 1_000_000)));
            }
            _ => bail!("line begins with none of I, S, E, R, P"),
        }
        Ok(None)
    }

    /// Notes predictions beside what came of the exposure, as far as the stream tells.
    fn compare(&mut self, predicted: &[(OutcomeName, i64)], liked: bool, raw: &Raw) {
        for &(outcome, likely) in predicted {
            let column = match outcome {
                OutcomeName::Enjoyed => {
                    let tenth = (likely.max(0) as usize * BINS / 1_000_000).min(BINS - 1);
                    self.reliability[tenth].add(likely, f64::from(u8::from(liked)));
                    continue;
                }
                OutcomeName::Like => raw.like,
                OutcomeName::Share => raw.forward.or(raw.share),
                OutcomeName::Follow => raw.follow,
                OutcomeName::NotInterested => raw.hate,
                // What counts for the stream's label is not what was watched: see `exposure`.
                OutcomeName::Completion | OutcomeName::Skip => None,
            };
            let Some(column) = column else { continue };
            let bin = BOUNDS.iter().rposition(|&bound| likely >= bound).unwrap_or(0);
            let bins = self.outcomes.entry(outcome).or_default();
            bins[bin].add(likely, f64::from(u8::from(column > 0.0)));
        }
    }

    /// One exposure and what came of it, as the app would report it.
    fn exposure(&mut self, at_ms: i64, viewer: ViewerId, item: u64, liked: bool, raw: &Raw) {
        let video = self.video(item, at_ms);
        self.impressions += 1;
        let impression = raw.on_feed().then(|| ImpressionId::from_u128(self.impressions));
        self.apply(at_ms, Event::Impression { viewer, impression, video });
        let happened = |column: Option<f64>| column.is_some_and(|value| value > 0.0);
        // The stream's label says whether it was watched through: streams differ in what they ask for.
        let watched_ms = raw.play_ms.or(raw.watch_ms).map(|value| value.clamp(0.0, 86_400_000.0) as u32);
        let duration_ms = raw.duration_ms.map_or(DURATION_MS, |value| value as u32);
        let watch_ms = match (liked, watched_ms) {
            (true, watched_ms) => watched_ms.unwrap_or(duration_ms).max(ENOUGH_MS),
            (false, Some(watched_ms)) => watched_ms.min(duration_ms.min(DURATION_MS) / 5 * 4),
            (false, None) => 0,
        };
        if happened(raw.like) {
            self.apply(at_ms, Event::Like { viewer, impression, video });
        }
        if happened(raw.forward) || happened(raw.share) {
            self.apply(at_ms, Event::Share { viewer, impression, video });
        }
        if happened(raw.follow)
            && let Some(Subject::Creator(creator)) = self.engine.subjects(video).first()
        {
            let control = Control::Follow { creator: *creator };
            self.apply(at_ms, Event::ViewerControlled { viewer, control });
        }
        if happened(raw.hate) {
            self.apply(at_ms, Event::NotInterested { viewer, impression, video });
        }
        // Last, as the app does: the report when the video is left.
        self.apply(at_ms, Event::Watch { viewer, impression, video, watch_ms, loops: 0, paused: false });
    }

    /// What came before the stream has no time: it happened when the stream begins.
    fn begin(&mut self, at_ms: i64) {
        for event in std::mem::take(&mut self.waiting) {
            if let Event::Impression { video, .. } = event
                && !self.engine.knows(video)
            {
                let event = Self::published(video.uuid().as_u128() as u64, &Item::default());
                self.apply(at_ms, event);
            }
            self.apply(at_ms, event);
        }
    }

    fn apply(&mut self, at_ms: i64, event: Event) {
        let entry = LogEntry { at: Timestamp::from_millis(at_ms), event };
        let start = Instant::now();
        self.engine.apply(self.engine.position() + 1, &entry).expect("positions are dense");
        self.applying += start.elapsed();
    }

    /// The video of an item; one that the catalogue did not list is published when first named.
    fn video(&mut self, item: u64, at_ms: i64) -> VideoId {
        let video = VideoId::from_u128(u128::from(item));
        if !self.engine.knows(video) {
            let event = Self::published(item, &Item::default());
            self.apply(at_ms, event);
        }
        video
    }

    fn published(item: u64, columns: &Item) -> Event {
        let text = |value: &Option<serde_json::Value>| match value {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let number = |text: &str| text.parse::<f64>().ok().map(|value| value as u128);
        // Without a creator every video is its own.
        let creator = number(&text(&columns.author)).unwrap_or((1 << 96) + u128::from(item));
        let tags = text(&columns.tags);
        Event::VideoPublished {
            video: VideoId::from_u128(u128::from(item)),
            creator: AccountId::from_u128(creator),
            sound: number(&text(&columns.music_id)).map(SoundId::from_u128),
            language: None,
            tags: tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            words: Vec::new(),
            duration_ms: columns.duration_ms.map_or(DURATION_MS, |value| value as u32),
        }
    }
}

fn viewer(user: u64) -> ViewerId {
    ViewerId::from_u128(u128::from(user))
}
