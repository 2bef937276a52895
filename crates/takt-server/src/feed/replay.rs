//! Pages computed again: for the viewer who asks why, and for an auditor who holds a receipt.
//!
//! Invariant: what is said of a page comes from its log entry and from running the recommender up to the page's
//! position. Nothing is remembered from when it was served.

use super::recommender::{RecoverError, replay_to, snapshots};
use super::seeds::seed;
use super::signer::Verifier;
use super::{PAGE_IDENTITY, dedup};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use takt_core::{PageId, Timestamp};
use takt_recommender::{Difference, Engine, Event, LogEntry, MadePage, Policy, Receipt};
use takt_store::EventLog;

/// Events that are replayed to explain a page, where a snapshot is that near.
pub(super) const STRETCH_EVENTS: u64 = 100_000;
/// A page that is further than this from any snapshot before it is not explained any more.
const STRETCH_EVENTS_MAX: u64 = 1_000_000;
/// How far behind a page's entry may be what it was computed from, when all pages are checked in one go.
const LOOK_AHEAD: usize = 20_000;

/// A page of the log with the time of its request.
pub(super) struct Logged {
    pub(super) at: Timestamp,
    /// Where its entry is.
    pub(super) position: u64,
    pub(super) made: MadePage,
}

/// The page with this id, if the log has it.
pub(super) fn find_page(log: &EventLog, page: PageId) -> Result<Option<Logged>, RecoverError> {
    let Some(position) = log.find(&dedup(&[PAGE_IDENTITY, page.bytes()]))? else { return Ok(None) };
    let entry = entry_at(log, position)?;
    let Event::PageMade(made) = entry.event else { return Ok(None) };
    Ok(Some(Logged { at: entry.at, position, made }))
}

fn entry_at(log: &EventLog, position: u64) -> Result<LogEntry, RecoverError> {
    let wrong = |reason: String| RecoverError::Entry { position, reason };
    let entries = log.read(position.saturating_sub(1), 1)?;
    let entry = entries.first().ok_or_else(|| wrong("is missing".to_owned()))?;
    LogEntry::decode(&entry.payload).map_err(|error| wrong(error.to_string()))
}

/// The log from a state on disk up to a position, to be run as it was and with something left out.
pub(super) struct Stretch {
    /// None: from the beginning.
    snapshot: Option<PathBuf>,
    after: u64,
    pub(super) entries: Vec<LogEntry>,
}

impl Stretch {
    /// The stretch that ends with `position`, or none where no state is near enough.
    pub(super) fn read(dir: &Path, log: &EventLog, position: u64) -> Result<Option<Self>, RecoverError> {
        let mut bases = vec![(0, None)];
        let found = snapshots(dir).into_iter().filter(|(at, _)| *at <= position);
        bases.extend(found.map(|(at, path)| (at, Some(path))));
        // The oldest that is near, so that much of what the viewer did is in the stretch; else the nearest.
        let near = bases.iter().find(|(at, _)| position - at <= STRETCH_EVENTS).or(bases.last()).cloned();
        let Some((after, snapshot)) = near.filter(|(at, _)| position - at <= STRETCH_EVENTS_MAX) else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        let mut at = after;
        while at < position {
            let wanted = usize::try_from(position - at).unwrap_or(usize::MAX).min(10_000);
            for entry in log.read(at, wanted)? {
                at = entry.position;
                let decoded = LogEntry::decode(&entry.payload);
                entries
                    .push(decoded.map_err(|e| RecoverError::Entry { position: at, reason: e.to_string() })?);
            }
            if log.head() < position {
                let reason = format!("is missing; the log ends at {}", log.head());
                return Err(RecoverError::Entry { position, reason });
            }
        }
        Ok(Some(Self { snapshot, after, entries }))
    }

    /// The state at the end of the stretch, with entries replaced where `instead` says so.
    pub(super) fn run(&self, instead: impl Fn(&LogEntry) -> Option<Event>) -> Result<Engine, RecoverError> {
        let mut engine = match &self.snapshot {
            None => Engine::new(Policy::default()),
            Some(path) => {
                let wrong = |reason: String| RecoverError::Entry { position: self.after, reason };
                let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
                Engine::restore(Policy::default(), &bytes).map_err(|error| wrong(error.to_string()))?
            }
        };
        for (entry, position) in self.entries.iter().zip(self.after + 1..) {
            let wrong =
                |error: takt_recommender::Gap| RecoverError::Entry { position, reason: error.to_string() };
            match instead(entry) {
                Some(event) => engine.apply(position, &LogEntry { at: entry.at, event }).map_err(wrong)?,
                None => engine.apply(position, entry).map_err(wrong)?,
            }
        }
        Ok(engine)
    }
}

/// What checking one receipt found.
#[derive(Debug)]
pub struct Checked {
    /// The page.
    pub page: PageId,
    /// How many videos it has.
    pub items: usize,
    /// The log position it was computed at.
    pub position: u64,
    /// Where the replay began: 0, or a snapshot's position.
    pub from: u64,
    /// Whether the secret of its seed is known, and the seed follows from it.
    pub seed_revealed: bool,
    /// The first difference, with its name before the colon; none where the page is the same.
    pub difference: Option<String>,
}

/// Computes the page of a signed receipt again, from the data folder of its cell, which must not be running.
///
/// # Errors
/// Where the log can not be read. A receipt that does not hold is no error but a difference.
pub fn check_receipt(
    dir: &Path,
    note: &str,
    key: &Verifier,
    policy: &Policy,
) -> Result<Checked, RecoverError> {
    let log = EventLog::open(&dir.join("events"))?;
    let mut checked = Checked {
        page: PageId::from_u128(0),
        items: 0,
        position: 0,
        from: 0,
        seed_revealed: false,
        difference: None,
    };
    let receipt = match key
        .open(note)
        .map_err(|error| error.to_string())
        .and_then(|text| Receipt::parse(text).map_err(|error| error.to_string()))
    {
        Ok(receipt) => receipt,
        Err(reason) => {
            checked.difference = Some(format!("signature: {reason}"));
            return Ok(checked);
        }
    };
    (checked.page, checked.items, checked.position) = (receipt.page, receipt.items.len(), receipt.position);
    let Some(logged) = find_page(&log, receipt.page)? else {
        checked.difference = Some(format!("log: it has no page {}", receipt.page));
        return Ok(checked);
    };
    let as_logged = Receipt::of(&receipt.cell, logged.at, &logged.made);
    let difference = differing_field(&receipt, &as_logged);
    let (seed_revealed, seed_fault) = check_seed(&log, &logged)?;
    checked.seed_revealed = seed_revealed;
    checked.difference = difference.or(seed_fault);
    if checked.difference.is_some() {
        return Ok(checked);
    }
    if logged.made.policy != policy.hash() {
        let (served, replayed) = (hex::encode(logged.made.policy), hex::encode(policy.hash()));
        checked.difference = Some(Difference::Policy { served, replayed }.to_string());
        return Ok(checked);
    }
    let (from, difference) = compute_again(dir, &log, &logged, policy)?;
    (checked.from, checked.difference) = (from, difference);
    Ok(checked)
}

/// What a receipt says and the log does not.
fn differing_field(receipt: &Receipt, logged: &Receipt) -> Option<String> {
    let (said, logged) = (receipt.text(), logged.text());
    let differing = said.lines().zip(logged.lines()).find(|(said, logged)| said != logged);
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    match differing {
        Some((said, logged)) => {
            Some(format!("{}: the receipt says `{said}`, the log `{logged}`", name(said)))
        }
        None if said != logged => {
            Some("items: the receipt and the log differ in how many there are".to_owned())
        }
        None => None,
    }
}

/// Whether a page's seed can be checked, and what is wrong with it.
fn check_seed(log: &EventLog, logged: &Logged) -> Result<(bool, Option<String>), RecoverError> {
    let made = &logged.made;
    let committed = log.find(&dedup(&[b"seeds-committed", &made.seeds]))?;
    if committed.is_none_or(|at| at > made.position) {
        let fault =
            format!("seed: no secret with the SHA-256 {} was committed to before", hex::encode(made.seeds));
        return Ok((false, Some(fault)));
    }
    let Some(revealed) = log.find(&dedup(&[b"seeds-revealed", &made.seeds]))? else {
        return Ok((false, None));
    };
    if revealed < logged.position {
        return Ok((true, Some(format!("seed: its secret had been revealed at {revealed}"))));
    }
    let Event::SeedsRevealed { secret } = entry_at(log, revealed)?.event else {
        return Ok((false, Some(format!("seed: position {revealed} should reveal its secret"))));
    };
    Ok((true, seed_fault(made, &secret)))
}

fn seed_fault(made: &MadePage, secret: &[u8; 32]) -> Option<String> {
    if <[u8; 32]>::from(Sha256::digest(secret)) != made.seeds {
        return Some("seed: what was revealed is not what was committed to".to_owned());
    }
    let expected = seed(secret, made.viewer, made.position);
    (expected != made.seed).then(|| format!("seed: it was {}, and must be {expected}", made.seed))
}

/// Runs the log up to the page from the newest snapshot before it, and where that gives another page, from the
/// beginning, to tell a changed snapshot from a changed page.
fn compute_again(
    dir: &Path,
    log: &EventLog,
    logged: &Logged,
    policy: &Policy,
) -> Result<(u64, Option<String>), RecoverError> {
    let position = logged.made.position;
    let snapshot = snapshots(&dir.join("recommender")).into_iter().rev().find(|(at, _)| *at <= position);
    let restored = snapshot.as_ref().and_then(|(_, path)| {
        let bytes = std::fs::read(path).ok()?;
        Engine::restore(policy.clone(), &bytes).ok()
    });
    let from = restored.as_ref().map_or(0, Engine::position);
    let mut engine = restored.unwrap_or_else(|| Engine::new(policy.clone()));
    replay_to(&mut engine, log, position)?;
    let difference = engine.first_difference(&logged.made, logged.at);
    let (Some(difference), true) = (&difference, from > 0) else {
        return Ok((from, difference.map(|difference| difference.to_string())));
    };
    let mut afresh = Engine::new(policy.clone());
    replay_to(&mut afresh, log, position)?;
    let still = afresh.first_difference(&logged.made, logged.at);
    let said = match still {
        Some(still) => still.to_string(),
        None if !engine.has_same_seen(&afresh, logged.made.viewer) => {
            format!("seen set: the snapshot at {from} has another than the log ({difference})")
        }
        None => format!("state: the snapshot at {from} is not what the log gives ({difference})"),
    };
    Ok((from, Some(said)))
}

/// What checking every page of a log found.
#[derive(Debug, Default)]
pub struct Faults {
    /// Entries in the log.
    pub entries: u64,
    /// Pages computed again.
    pub pages: u64,
    /// Videos on them.
    pub items: u64,
    /// Pages whose seed follows from a revealed secret.
    pub seeds_checked: u64,
    /// Pages by other policies, which were not computed again.
    pub other_policies: u64,
    /// Pages that differ, and the first few of them with what differs.
    pub different: u64,
    pub first: Vec<(PageId, String)>,
}

/// Differences told in words.
const TOLD_MAX: usize = 10;

impl Faults {
    fn note(&mut self, page: PageId, difference: String) {
        self.different += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push((page, difference));
        }
    }
}

/// Computes every page of the log again in one go from the log's first entry. The cell must not be running.
///
/// # Errors
/// Where the log can not be read.
pub fn check_all(dir: &Path, policy: &Policy) -> Result<Faults, RecoverError> {
    let log = EventLog::open(&dir.join("events"))?;
    let mut engine = Engine::new(policy.clone());
    let mut faults = Faults { entries: log.head(), ..Faults::default() };
    let mut ahead = Ahead::default();
    loop {
        ahead.read(&log, &mut faults)?;
        for (at, made) in ahead.pages.remove(&engine.position()).unwrap_or_default() {
            if made.policy != policy.hash() {
                faults.other_policies += 1;
                continue;
            }
            faults.pages += 1;
            faults.items += made.items.len() as u64;
            if let Some(difference) = engine.first_difference(&made, at) {
                faults.note(made.page, difference.to_string());
            }
        }
        let Some((position, entry)) = ahead.entries.pop_front() else { break };
        let wrong =
            |error: takt_recommender::Gap| RecoverError::Entry { position, reason: error.to_string() };
        engine.apply(position, &entry).map_err(wrong)?;
    }
    let late = std::mem::take(&mut ahead.pages);
    for (_, made) in late.into_values().flatten() {
        faults.note(made.page, "log: its entry does not follow what it was computed from".to_owned());
    }
    Ok(faults)
}

/// The log ahead of the engine: a page's entry comes after the position it was computed at.
#[derive(Default)]
struct Ahead {
    read_to: u64,
    entries: std::collections::VecDeque<(u64, LogEntry)>,
    pages: BTreeMap<u64, Vec<(Timestamp, MadePage)>>,
    /// Pages by the commitment that their seed comes from.
    unrevealed: BTreeMap<[u8; 32], Vec<MadePage>>,
}

impl Ahead {
    fn read(&mut self, log: &EventLog, faults: &mut Faults) -> Result<(), RecoverError> {
        if self.entries.len() > LOOK_AHEAD / 2 {
            return Ok(());
        }
        for entry in log.read(self.read_to, LOOK_AHEAD)? {
            let position = entry.position;
            let decoded = LogEntry::decode(&entry.payload);
            let decoded =
                decoded.map_err(|error| RecoverError::Entry { position, reason: error.to_string() })?;
            self.read_to = position;
            match &decoded.event {
                Event::SeedsCommitted { commitment } => {
                    self.unrevealed.insert(*commitment, Vec::new());
                }
                Event::PageMade(made) => {
                    let place = self.pages.entry(made.position).or_default();
                    place.push((decoded.at, made.clone()));
                    match self.unrevealed.get_mut(&made.seeds) {
                        Some(drawn) => drawn.push(MadePage { items: Vec::new(), ..made.clone() }),
                        None => {
                            faults.note(made.page, "seed: no secret in use was committed to".to_owned());
                        }
                    }
                }
                Event::SeedsRevealed { secret } => {
                    let commitment: [u8; 32] = Sha256::digest(secret).into();
                    for made in self.unrevealed.remove(&commitment).unwrap_or_default() {
                        faults.seeds_checked += 1;
                        if let Some(fault) = seed_fault(&made, secret) {
                            faults.note(made.page, fault);
                        }
                    }
                }
                _ => {}
            }
            self.entries.push_back((position, decoded));
        }
        Ok(())
    }
}
