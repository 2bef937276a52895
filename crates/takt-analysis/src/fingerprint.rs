//! Audio fingerprints: pairs of spectral peaks, as in A. Wang, "An Industrial-Strength Audio Search Algorithm",
//! ISMIR 2003.
//!
//! Peaks survive what changes everything else: lossy encoding, other loudness, another voice on top. A pair of peaks
//! close in time (a landmark) is a few bits that hardly change; two recordings are the same when many landmarks agree
//! on one shift in time. Chance agrees as well, on many shifts a little.

use crate::SAMPLE_RATE;
use crate::spectrum::{Spectrogram, sliding_max};
use std::collections::{BTreeMap, HashMap};

const WINDOW: usize = 1024;
const HOP: usize = 256;
/// 86 Hz to 4.3 kHz: below is rumble, above is what encoders throw away first.
const BIN_FIRST: usize = 8;
const BINS: usize = 400;
/// A peak is the largest value this far to all sides, in bins and frames.
const REACH_BINS: usize = 10;
const REACH_FRAMES: usize = 6;
/// Values this far below the loudest are noise, as a factor: -60 dB.
const FLOOR: f32 = 1e-3;
/// A pair's second peak comes at least and at most so many frames after the first, at most so many bins off.
const AHEAD_MIN: usize = 2;
const AHEAD_MAX: usize = 63;
const ASIDE_MAX: usize = 63;
/// Pairs that a peak opens.
const FAN_OUT: usize = 6;
/// Longest sound looked at, in frames: three minutes. What is over adds nothing to recognising it.
const FRAMES_MAX: usize = 180 * SAMPLE_RATE as usize / HOP;
/// Landmarks of this share are kept for looking sounds up (one in so many).
const SAMPLED: u32 = 8;
/// A sound with fewer landmarks than this is looked up by all of them.
const SHORT: usize = 400;

/// One landmark: what is heard, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Landmark {
    /// Frame of its first peak.
    at: u16,
    /// Both frequencies and the time between them.
    hash: u32,
}

/// What a sound is recognised by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// In order of time.
    landmarks: Vec<Landmark>,
    frames: u16,
}

/// A landmark without its time: sounds that share many of them are worth comparing.
pub type LookupKey = u32;

/// How far two sounds are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Different landmarks that agree on the shift.
    pub agreeing: u32,
    /// Seconds in which some do.
    pub seconds: u32,
    /// Seconds that both sounds have at this shift.
    pub seconds_common: u32,
    /// Seconds that the first sound has.
    pub seconds_own: u32,
    /// Agreeing landmarks of the landmarks in common seconds, of the sound with fewer of them.
    pub share: f32,
    /// Where in the second sound the first one begins, in milliseconds; negative when it begins earlier.
    pub shift_ms: i32,
}

impl Likeness {
    /// Whether the first sound is the second, or a part of it. A recording that has another in it for a moment is not
    /// that other one: at least half of its own seconds must agree.
    pub fn is_same(&self) -> bool {
        let many = self.agreeing >= 12 && self.share >= 0.04;
        // A moment's sound has few landmarks; then nearly all of them must agree.
        let nearly_all = self.seconds_own <= 2 && self.agreeing >= 5 && self.share >= 0.8;
        (many || nearly_all) && self.seconds * 2 >= self.seconds_common.max(self.seconds_own)
    }
}

impl Fingerprint {
    /// Listens to mono samples at [`SAMPLE_RATE`].
    pub fn of(samples: &[f32]) -> Self {
        let samples = &samples[..samples.len().min(FRAMES_MAX * HOP)];
        let mut spectrum = Spectrogram::of(samples, WINDOW, HOP, BINS);
        let loudest = spectrum.loudest();
        // Samples reach 1; a spectrum that stays below this is silence with a dither.
        if loudest < 0.05 {
            return Self { landmarks: Vec::new(), frames: frame_number(spectrum.frames()) };
        }
        let floor = loudest * FLOOR;
        spectrum.map(|value| value.max(floor).ln());
        let peaks = peaks(&spectrum, floor.ln());
        Self { landmarks: landmarks(&peaks), frames: frame_number(spectrum.frames()) }
    }

    /// How many landmarks there are; none in silence.
    pub fn len(&self) -> usize {
        self.landmarks.len()
    }

    /// Whether there is nothing to recognise.
    pub fn is_empty(&self) -> bool {
        self.landmarks.is_empty()
    }

    /// As bytes: the number of frames, then six bytes for each landmark, least significant first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.frames.to_le_bytes().to_vec();
        for landmark in &self.landmarks {
            bytes.extend(landmark.at.to_le_bytes());
            bytes.extend(landmark.hash.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Fingerprint::to_bytes`] wrote; none when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (frames, rest) = bytes.split_first_chunk::<2>()?;
        let (chunks, []) = rest.as_chunks::<6>() else { return None };
        let landmarks = chunks.iter().map(|[a, b, c, d, e, f]| Landmark {
            at: u16::from_le_bytes([*a, *b]),
            hash: u32::from_le_bytes([*c, *d, *e, *f]),
        });
        Some(Self { landmarks: landmarks.collect(), frames: u16::from_le_bytes(*frames) })
    }

    /// Lays `self` over `other` where they agree most.
    pub fn compare(&self, other: &Self) -> Option<Likeness> {
        let mut times: HashMap<u32, Vec<u16>> = HashMap::new();
        for landmark in &other.landmarks {
            times.entry(landmark.hash).or_default().push(landmark.at);
        }
        let mut agreeing: BTreeMap<i32, u32> = BTreeMap::new();
        for landmark in &self.landmarks {
            for at in times.get(&landmark.hash).into_iter().flatten() {
                *agreeing.entry(i32::from(*at) - i32::from(landmark.at)).or_default() += 1;
            }
        }
        // A shift that is no whole number of frames spreads over two.
        let around =
            |shift: i32| -> u32 { (shift - 1..=shift + 1).filter_map(|near| agreeing.get(&near)).sum() };
        // Of equals the one with more in its middle, then the smallest.
        let shift = agreeing
            .iter()
            .map(|(shift, count)| (around(*shift), *count, -shift.abs(), *shift))
            .max()
            .map(|(_, _, _, shift)| shift)?;
        let near = |shift: i32| f64::from(agreeing.get(&shift).copied().unwrap_or(0));
        // Between two frames in as far as both are agreed on.
        let aside = (near(shift + 1) - near(shift - 1)) / f64::from(around(shift)).max(1.0);
        let hop_ms = HOP as f64 * 1000.0 / f64::from(SAMPLE_RATE);
        let shift_ms = ((f64::from(shift) + aside) * hop_ms).round() as i32;
        Some(self.likeness_at(other, &times, (shift, shift_ms)))
    }

    fn likeness_at(
        &self,
        other: &Self,
        times: &HashMap<u32, Vec<u16>>,
        (shift, shift_ms): (i32, i32),
    ) -> Likeness {
        let (from, until) = (0.max(-shift), i32::from(self.frames).min(i32::from(other.frames) - shift));
        let second = SAMPLE_RATE as i32 / HOP as i32;
        let mut heard: Vec<u32> = vec![0; usize::try_from((until - from) / second + 1).unwrap_or(1)];
        let mut hashes = Vec::new();
        let mut own = 0_u32;
        for landmark in &self.landmarks {
            let at = i32::from(landmark.at);
            if at < from || at >= until {
                continue;
            }
            own += 1;
            let agrees = |there: &u16| (i32::from(*there) - at - shift).abs() <= 1;
            if times.get(&landmark.hash).is_some_and(|times| times.iter().any(agrees)) {
                hashes.push(landmark.hash);
                if let Some(count) = heard.get_mut(usize::try_from((at - from) / second).unwrap_or(0)) {
                    *count += 1;
                }
            }
        }
        let range = from + shift..until + shift;
        let theirs = other.landmarks.iter().filter(|landmark| range.contains(&i32::from(landmark.at)));
        let fewer = own.min(u32::try_from(theirs.count()).unwrap_or(u32::MAX)).max(1);
        let all = hashes.len() as f32;
        // A hum repeats one landmark; that is no reason to call two hums one sound.
        hashes.sort_unstable();
        hashes.dedup();
        Likeness {
            agreeing: u32::try_from(hashes.len()).unwrap_or(u32::MAX),
            seconds: u32::try_from(heard.iter().filter(|count| **count > 0).count()).unwrap_or(u32::MAX),
            seconds_common: u32::try_from(heard.len()).unwrap_or(u32::MAX),
            seconds_own: u32::from(self.frames).div_ceil(second.unsigned_abs()),
            share: (all / fewer as f32).min(1.0),
            shift_ms,
        }
    }
}

/// The keys under which a sound is to be found.
pub fn index_keys(fingerprint: &Fingerprint) -> Vec<LookupKey> {
    keys(fingerprint, fingerprint.landmarks.len() < SHORT)
}

/// The keys to look for when asking which known sound this is.
pub fn query_keys(fingerprint: &Fingerprint) -> Vec<LookupKey> {
    keys(fingerprint, fingerprint.landmarks.len() < SHORT)
}

fn keys(fingerprint: &Fingerprint, all: bool) -> Vec<LookupKey> {
    let hashes = fingerprint.landmarks.iter().map(|landmark| landmark.hash);
    // Multiplied so that the sample has all frequencies and distances in it (Knuth, TAOCP 3, 6.4).
    let sampled = |hash: &u32| all || hash.wrapping_mul(2_654_435_769) >> 29 < 8 / SAMPLED;
    let mut keys: Vec<LookupKey> = hashes.filter(sampled).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn frame_number(frame: usize) -> u16 {
    u16::try_from(frame).unwrap_or(u16::MAX)
}

/// Frame and bin of each value that is the largest around it, in order of time.
fn peaks(spectrum: &Spectrogram, floor: f32) -> Vec<(usize, usize)> {
    let frames = spectrum.frames();
    // Largest over bins first, then over frames: together the largest of the rectangle.
    let mut across: Vec<Vec<f32>> = Vec::with_capacity(frames);
    for frame in 0..frames {
        let mut largest = Vec::with_capacity(BINS);
        sliding_max(spectrum.frame(frame), REACH_BINS, &mut largest);
        across.push(largest);
    }
    let mut found = Vec::new();
    let (mut column, mut largest) = (Vec::with_capacity(frames), Vec::with_capacity(frames));
    for bin in BIN_FIRST..BINS {
        column.clear();
        column.extend(across.iter().map(|frame| frame[bin]));
        sliding_max(&column, REACH_FRAMES, &mut largest);
        for (frame, largest) in largest.iter().enumerate() {
            let value = spectrum.frame(frame)[bin];
            if value >= *largest && value > floor + 1.0 {
                found.push((frame, bin));
            }
        }
    }
    found.sort_unstable();
    found
}

fn landmarks(peaks: &[(usize, usize)]) -> Vec<Landmark> {
    let mut landmarks = Vec::with_capacity(peaks.len() * FAN_OUT);
    for (number, (frame, bin)) in peaks.iter().enumerate() {
        let near = |(_, other): &&(usize, usize)| other.abs_diff(*bin) <= ASIDE_MAX;
        let ahead = peaks[number + 1..].iter().skip_while(|(other, _)| *other < frame + AHEAD_MIN);
        let zone = ahead.take_while(|(other, _)| *other <= frame + AHEAD_MAX).filter(near).take(FAN_OUT);
        for (other_frame, other_bin) in zone {
            let hash = bin << 13 | (other_bin + ASIDE_MAX + 1 - bin) << 6 | (other_frame - frame);
            landmarks.push(Landmark { at: frame_number(*frame), hash: hash as u32 });
        }
    }
    landmarks.sort_unstable();
    landmarks
}

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod tests;
