//! The ranking policy: every choice in how videos are ordered, as one readable file.

use crate::catalogue::Fading;
use crate::fixed::{Decay, MICRO};

use crate::registry::{SourceName, TermName};
use crate::signals::{BySignal, SIGNAL_TERMS};
use serde::Deserialize;
use serde::de::Visitor;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The policy that is compiled in.
pub const DEFAULT_POLICY: &str = include_str!("../policy/default.toml");

/// The only version of the policy's format so far.
const POLICY_VERSION: u32 = 1;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// A hundred years.
const HOURS_MAX: i64 = 876_000;

/// A policy that can not be used, and where in the file to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type.
    #[error("ranking policy can not be read: {0}")]
    Syntax(String),
    /// A value outside what the engine can hold to.
    #[error("ranking policy: {key} must be {rule}")]
    Value {
        /// The key, with its table: `terms.creator`.
        key: String,
        /// What it must be.
        rule: String,
    },
}

/// A number with a decimal point, as micro-units. The text is parsed once, here; from then on it is an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micro(pub(crate) i64);

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Micro;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Micro, E> {
                value.checked_mul(MICRO).map(Micro).ok_or_else(|| E::custom("number is too large"))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Micro, E> {
                // Parsing and rounding are exact operations of IEEE 754: the same integer on every machine.
                let micro = (value * 1e6).round();
                if micro.is_finite() && micro.abs() < 1e15 {
                    Ok(Micro(micro as i64))
                } else {
                    Err(E::custom("number is too large"))
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// One candidate source's switch and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRule {
    pub(crate) enabled: bool,
    pub(crate) quota: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    pub(crate) finish: Micro,
    pub(crate) replay: Micro,
    pub(crate) skip: Micro,
    pub(crate) like: Micro,
    pub(crate) share: Micro,
    pub(crate) not_interested: Micro,
    pub(crate) positive_min: Micro,
    pub(crate) skip_ms: u32,
    pub(crate) skip_completion: Micro,
    pub(crate) enough_ms: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasteRules {
    half_life_hours: i64,
    pub(crate) prior: Micro,
    pub(crate) evidence_max: Micro,
    pub(crate) features_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoWatchRules {
    half_life_hours: i64,
    pub(crate) recent_max: u32,
    pub(crate) neighbours_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PopularityRules {
    trending_half_life_hours: i64,
    popular_half_life_hours: i64,
    lasting_half_life_hours: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreshnessRules {
    half_life_hours: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelevanceRules {
    pub(crate) weight: Micro,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcclaimRules {
    pub(crate) likes_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpreadingRules {
    pub(crate) creator_share: Micro,
    pub(crate) sound_share: Micro,
    pub(crate) tolerance: Micro,
    pub(crate) window: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplorationRules {
    pub(crate) share: Micro,
    pub(crate) impressions_max: u32,
    young_hours: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageRules {
    pub(crate) items_max: u32,
    pub(crate) shortlist: u32,
    reserve_minutes: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepingRules {
    pub(crate) viewer_days: u32,
    pub(crate) passing_viewer_days: u32,
    pub(crate) passing_videos: u32,
    pub(crate) feature_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    name: String,
    sources: BTreeMap<String, SourceRule>,
    terms: BTreeMap<String, Micro>,
    evidence: Evidence,
    taste: TasteRules,
    co_watch: CoWatchRules,
    popularity: PopularityRules,
    freshness: FreshnessRules,
    relevance: RelevanceRules,
    acclaim: AcclaimRules,
    spreading: SpreadingRules,
    exploration: ExplorationRules,
    page: PageRules,
    keeping: KeepingRules,
}

/// A checked ranking policy. Made by [`Policy::from_toml`] or, compiled in, by [`Policy::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    hash: [u8; 32],
    version: u32,
    name: String,
    sources: [SourceRule; SourceName::COUNT],
    terms: [i64; TermName::COUNT],
    pub(crate) evidence: Evidence,
    pub(crate) taste: TasteRules,
    pub(crate) co_watch: CoWatchRules,
    pub(crate) popularity: PopularityRules,
    freshness: FreshnessRules,
    pub(crate) relevance: RelevanceRules,
    pub(crate) acclaim: AcclaimRules,
    pub(crate) spreading: SpreadingRules,
    pub(crate) exploration: ExplorationRules,
    pub(crate) page: PageRules,
    pub(crate) keeping: KeepingRules,
}

impl Default for Policy {
    fn default() -> Self {
        Self::from_toml(DEFAULT_POLICY).expect("a test reads the compiled-in policy")
    }
}

impl Policy {
    /// Reads a policy. Every key must be there and be known; the error names the one that is not right.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let file: File = toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
        let policy = Self {
            hash: Sha256::digest(text.as_bytes()).into(),
            version: file.version,
            name: file.name,
            sources: table("sources", file.sources, SourceName::ALL, SourceName::as_str)?,
            terms: table("terms", file.terms, TermName::ALL, TermName::as_str)?.map(|weight| weight.0),
            evidence: file.evidence,
            taste: file.taste,
            co_watch: file.co_watch,
            popularity: file.popularity,
            freshness: file.freshness,
            relevance: file.relevance,
            acclaim: file.acclaim,
            spreading: file.spreading,
            exploration: file.exploration,
            page: file.page,
            keeping: file.keeping,
        };
        policy.check()?;
        Ok(policy)
    }

    /// SHA-256 of the policy file's bytes: what `sha256sum` says of it.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }
    /// The version of the policy's format.
    pub const fn version(&self) -> u32 {
        self.version
    }
    /// What its makers call it.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// How much a term counts, in micro-units.
    pub const fn weight(&self, term: TermName) -> i64 {
        self.terms[term.index()]
    }
    /// This policy with one term switched off, under the same name and hash: for asking what a page would have been.
    pub(crate) fn without(&self, term: TermName) -> Self {
        let mut policy = self.clone();
        policy.terms[term.index()] = 0;
        policy
    }
    /// How many videos a source may put forward for a page; 0 when it is switched off.
    pub const fn quota(&self, source: SourceName) -> usize {
        let rule = self.sources[source.index()];
        if rule.enabled { rule.quota as usize } else { 0 }
    }

    pub(crate) const fn taste_half_life_ms(&self) -> i64 {
        self.taste.half_life_hours * HOUR_MS
    }
    pub(crate) fn fading(&self) -> Fading {
        let rules = &self.popularity;
        let hours =
            [rules.trending_half_life_hours, rules.popular_half_life_hours, rules.lasting_half_life_hours];
        Fading {
            popularity: hours.map(|hours| Decay::new(hours * HOUR_MS)),
            co_watch: Decay::new(self.co_watch.half_life_hours * HOUR_MS),
        }
    }
    /// The weights of the terms that the signals' parts are, in units.
    pub(crate) fn signal_factors(&self) -> BySignal {
        SIGNAL_TERMS.map(|term| self.weight(term) as f32 / MICRO as f32)
    }
    pub(crate) const fn freshness_half_life_ms(&self) -> i64 {
        self.freshness.half_life_hours * HOUR_MS
    }
    /// How long a video is young.
    pub(crate) const fn young_ms(&self) -> i64 {
        self.exploration.young_hours * HOUR_MS
    }
    pub(crate) const fn reserve_ms(&self) -> i64 {
        self.page.reserve_minutes * MINUTE_MS
    }

    /// Holds every number within what the engine's arithmetic and memory are made for.
    fn check(&self) -> Result<(), PolicyError> {
        if self.version != POLICY_VERSION {
            return Err(PolicyError::Value { key: "version".into(), rule: format!("{POLICY_VERSION}") });
        }
        for &source in SourceName::ALL {
            within(
                &format!("sources.{source}.quota"),
                i64::from(self.sources[source.index()].quota),
                0,
                1_000,
            )?;
        }
        for &term in TermName::ALL {
            within_units(&format!("terms.{term}"), Micro(self.weight(term)), 0, 100)?;
        }
        let evidence = &self.evidence;
        for (key, value) in [
            ("evidence.finish", evidence.finish),
            ("evidence.replay", evidence.replay),
            ("evidence.skip", evidence.skip),
            ("evidence.like", evidence.like),
            ("evidence.share", evidence.share),
            ("evidence.not_interested", evidence.not_interested),
            ("evidence.positive_min", evidence.positive_min),
        ] {
            within_units(key, value, 0, 10)?;
        }
        within("evidence.skip_ms", i64::from(evidence.skip_ms), 0, 60_000)?;
        for (key, value) in [
            ("evidence.skip_completion", evidence.skip_completion),
            ("spreading.creator_share", self.spreading.creator_share),
            ("spreading.sound_share", self.spreading.sound_share),
            ("exploration.share", self.exploration.share),
        ] {
            within_units(key, value, 0, 1)?;
        }
        within_units("spreading.tolerance", self.spreading.tolerance, 0, 1_000)?;
        within_units("relevance.weight", self.relevance.weight, 0, 100)?;
        within("evidence.enough_ms", i64::from(evidence.enough_ms), 1_000, 600_000)?;
        within_units("taste.evidence_max", self.taste.evidence_max, 1, 1_000)?;
        // A prior of zero would divide by nothing.
        if !(1_000..=1_000 * MICRO).contains(&self.taste.prior.0) {
            return Err(PolicyError::Value { key: "taste.prior".into(), rule: "from 0.001 to 1000".into() });
        }
        for (key, value) in [
            ("taste.half_life_hours", self.taste.half_life_hours),
            ("co_watch.half_life_hours", self.co_watch.half_life_hours),
            ("popularity.trending_half_life_hours", self.popularity.trending_half_life_hours),
            ("popularity.popular_half_life_hours", self.popularity.popular_half_life_hours),
            ("popularity.lasting_half_life_hours", self.popularity.lasting_half_life_hours),
            ("freshness.half_life_hours", self.freshness.half_life_hours),
            ("exploration.young_hours", self.exploration.young_hours),
        ] {
            within(key, value, 1, HOURS_MAX)?;
        }
        within("acclaim.likes_max", i64::from(self.acclaim.likes_max), 0, 256)?;
        within("taste.features_max", i64::from(self.taste.features_max), 16, 65_536)?;
        within("co_watch.recent_max", i64::from(self.co_watch.recent_max), 1, 256)?;
        within("co_watch.neighbours_max", i64::from(self.co_watch.neighbours_max), 1, 1_024)?;
        within("spreading.window", i64::from(self.spreading.window), 2, 100)?;
        within("exploration.impressions_max", i64::from(self.exploration.impressions_max), 0, 1_000_000)?;
        for (key, days) in [
            ("keeping.viewer_days", self.keeping.viewer_days),
            ("keeping.passing_viewer_days", self.keeping.passing_viewer_days),
            ("keeping.feature_days", self.keeping.feature_days),
        ] {
            within(key, i64::from(days), 1, HOURS_MAX / 24)?;
        }
        within("keeping.passing_videos", i64::from(self.keeping.passing_videos), 0, 1_000)?;
        within("page.items_max", i64::from(self.page.items_max), 1, 200)?;
        within("page.shortlist", i64::from(self.page.shortlist), i64::from(self.page.items_max), 10_000)?;
        within("page.reserve_minutes", self.page.reserve_minutes, 0, 60 * 24 * 365)
    }
}

/// Turns a table of the file into an array in registry order, refusing names that are missing or unknown.
fn table<N: Copy, T: Copy, const COUNT: usize>(
    table: &str,
    mut values: BTreeMap<String, T>,
    names: &'static [N],
    name: fn(N) -> &'static str,
) -> Result<[T; COUNT], PolicyError> {
    let mut listed = Vec::with_capacity(COUNT);
    for key in names.iter().map(|&item| name(item)) {
        let missing = || PolicyError::Value { key: format!("{table}.{key}"), rule: "given".into() };
        listed.push(values.remove(key).ok_or_else(missing)?);
    }
    if let Some(unknown) = values.keys().next() {
        let known: Vec<_> = names.iter().map(|&item| name(item)).collect();
        let rule = format!("left out: it is none of {}", known.join(", "));
        return Err(PolicyError::Value { key: format!("{table}.{unknown}"), rule });
    }
    listed.try_into().map_err(|_| PolicyError::Syntax(format!("{table} is incomplete")))
}

fn within(key: &str, value: i64, least: i64, most: i64) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(PolicyError::Value { key: key.to_owned(), rule: format!("from {least} to {most}") })
}

fn within_units(key: &str, value: Micro, least: i64, most: i64) -> Result<(), PolicyError> {
    if (least * MICRO..=most * MICRO).contains(&value.0) {
        return Ok(());
    }
    Err(PolicyError::Value { key: key.to_owned(), rule: format!("from {least} to {most}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(from: &str, to: &str) -> String {
        assert!(DEFAULT_POLICY.contains(from), "{from}");
        Policy::from_toml(&DEFAULT_POLICY.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn the_compiled_in_policy_is_valid_and_named_by_its_bytes() {
        let policy = Policy::default();
        assert_eq!(policy.hash(), <[u8; 32]>::from(Sha256::digest(DEFAULT_POLICY)));
        assert_eq!(policy.weight(TermName::Creator), 1_000_000);
        assert_eq!(policy.quota(SourceName::CoWatch), 60);
        assert_eq!(policy.reserve_ms(), 1_800_000);
        let off = DEFAULT_POLICY.replace("fresh = { enabled = true", "fresh = { enabled = false");
        assert_eq!(Policy::from_toml(&off).unwrap().quota(SourceName::Fresh), 0);
    }

    #[test]
    fn errors_name_the_key() {
        assert_eq!(
            error_of("creator = 1.0", "creator = 900"),
            "ranking policy: terms.creator must be from 0 to 100"
        );
        assert_eq!(error_of("creator = 1.0", ""), "ranking policy: terms.creator must be given");
        assert!(error_of("creator = 1.0", "creator = 1.0\nheat = 1").contains("terms.heat must be left out"));
        assert!(error_of("creator = 1.0", "creator = nan").contains("creator"));
        assert!(error_of("skip_ms = 2000", "skip_ms = 2000\nskip_s = 2").contains("skip_s"));
        assert!(error_of("skip_ms = 2000", "").contains("skip_ms"));
        assert!(error_of("prior = 0.5 ", "prior = 0.0 ").contains("taste.prior"));
        assert!(
            error_of(
                "co_watch = { enabled = true, quota = 60",
                "co_watch = { enabled = true, quota = 1000000"
            )
            .contains("sources.co_watch.quota")
        );
        assert!(error_of("quota = 60", "quota = -1").contains("quota"));
        assert!(error_of("version = 1", "version = 2").contains("version must be 1"));
    }
}
