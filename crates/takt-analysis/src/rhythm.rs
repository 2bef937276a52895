//! Onsets, tempo and beats of a sound.
//!
//! Onset strength is spectral flux (S. Dixon, "Onset Detection Revisited", DAFx 2006), tempo the lag at which it
//! repeats itself, beats the chain of onsets that keeps to that lag best (D. Ellis, "Beat Tracking by Dynamic
//! Programming", JNMR 2007). The confidence says how far the repetition carries over several beats, which speech and
//! noise do not do; below [`CONFIDENCE_MIN`] no tempo is given at all.

use crate::SAMPLE_RATE;
use crate::spectrum::{Spectrogram, sliding_max};

const WINDOW: usize = 512;
const HOP: usize = 64;
/// Frames of onset strength for each second.
const RATE: f32 = SAMPLE_RATE as f32 / HOP as f32;
/// Bands of growing width that the flux is summed over.
const BANDS: usize = 24;
const BPM_MIN: f32 = 50.0;
const BPM_MAX: f32 = 200.0;
/// Where people tap along most, and how far around, in octaves.
const BPM_USUAL: f32 = 120.0;
const OCTAVES: f32 = 1.0;
/// Shorter sounds have too few beats to tell a tempo from.
const SECONDS_MIN: f32 = 4.0;
/// A beat must come back over so many beats.
const REPEATS: usize = 4;
/// A tempo that is surer than this is told.
pub(crate) const CONFIDENCE_MIN: f32 = 0.3;
/// A tempo twice or three times as fast is taken when it repeats itself this well compared with the slower one.
const FASTER_SHARE: f32 = 0.85;
/// How much a beat away from the tempo costs against onset strength.
const TIGHTNESS: f32 = 100.0;
/// The flux rises when an onset enters the window, half a window before it is in the middle; measured on clicks.
const EARLY_MS: f32 = 12.0;
/// Longest sound looked at, in seconds.
const SECONDS_MAX: usize = 180;

/// When things happen in a sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rhythm {
    /// Where something begins to sound, in milliseconds.
    pub onsets_ms: Vec<u32>,
    /// Its tempo, where it has one.
    pub tempo: Option<Tempo>,
}

/// A tempo that can be relied on.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tempo {
    /// Beats for each minute.
    pub bpm: f32,
    /// 0 to 1: how well the sound repeats itself from beat to beat.
    pub confidence: f32,
    /// Where the beats are, in milliseconds.
    pub beats_ms: Vec<u32>,
}

/// Listens to mono samples at [`SAMPLE_RATE`].
pub fn rhythm(samples: &[f32]) -> Rhythm {
    let samples = &samples[..samples.len().min(SECONDS_MAX * SAMPLE_RATE as usize)];
    let strength = onset_strength(samples);
    Rhythm { onsets_ms: onsets(&strength).into_iter().map(milliseconds).collect(), tempo: tempo(&strength) }
}

fn milliseconds(frame: usize) -> u32 {
    (frame as f32 * 1000.0 / RATE + EARLY_MS) as u32
}

/// How much begins in each frame: zero on average over a second or so, never negative, its deviation 1.
fn onset_strength(samples: &[f32]) -> Vec<f32> {
    let mut spectrum = Spectrogram::of(samples, WINDOW, HOP, WINDOW / 2 + 1);
    let loudest = spectrum.loudest();
    if loudest < 0.05 {
        return vec![0.0; spectrum.frames()];
    }
    spectrum.map(|value| value / loudest);
    // Four frames apart: about half a window, so that a rise is seen whole.
    const APART: usize = 4;
    let bands: Vec<[f32; BANDS]> = (0..spectrum.frames()).map(|at| bands(spectrum.frame(at))).collect();
    let rise = |at: usize| -> f32 {
        let Some(before) = at.checked_sub(APART) else { return 0.0 };
        bands[at].iter().zip(&bands[before]).map(|(now, then)| (now - then).max(0.0)).sum()
    };
    let flux: Vec<f32> = (0..bands.len()).map(rise).collect();
    let level = moving_mean(&flux, RATE as usize / 2);
    let mut strength: Vec<f32> =
        flux.iter().zip(level).map(|(flux, level)| (flux - level).max(0.0)).collect();
    let count = strength.len().max(1) as f32;
    let deviation = (strength.iter().map(|value| value * value).sum::<f32>() / count).sqrt();
    if deviation > 0.0 {
        strength.iter_mut().for_each(|value| *value /= deviation);
    }
    strength
}

/// Loudness of each band as it is felt: compressed, so that soft onsets count beside loud ones.
fn bands(frame: &[f32]) -> [f32; BANDS] {
    let edge = |band: usize| (2.0 * (frame.len() as f32 / 2.0).powf(band as f32 / BANDS as f32)) as usize;
    std::array::from_fn(|band| {
        let (from, until) = (edge(band), edge(band + 1).max(edge(band) + 1).min(frame.len()));
        let mean = frame[from..until].iter().sum::<f32>() / (until - from) as f32;
        (1.0 + 200.0 * mean).ln()
    })
}

fn moving_mean(values: &[f32], reach: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64];
    for value in values {
        sums.push(sums[sums.len() - 1] + f64::from(*value));
    }
    let mean = |at: usize| {
        let (from, until) = (at.saturating_sub(reach), (at + reach + 1).min(values.len()));
        ((sums[until] - sums[from]) / (until - from) as f64) as f32
    };
    (0..values.len()).map(mean).collect()
}

/// Frames that are the strongest for 60 ms around and clearly above what is usual.
fn onsets(strength: &[f32]) -> Vec<usize> {
    let mut largest = Vec::with_capacity(strength.len());
    sliding_max(strength, (RATE * 0.06) as usize, &mut largest);
    let usual = moving_mean(strength, RATE as usize);
    let picked = |at: &usize| strength[*at] >= largest[*at] && strength[*at] > 0.7 + 1.5 * usual[*at];
    let mut found: Vec<usize> = (0..strength.len()).filter(picked).collect();
    found.dedup_by_key(|at| *at / (RATE * 0.03) as usize);
    found
}

/// How well the strength agrees with itself `lag` frames later, 1 for perfectly; `lag` need not be whole.
fn repetition(correlation: &[f32], lag: f32) -> f32 {
    let (whole, part) = (lag as usize, lag.fract());
    match (correlation.get(whole), correlation.get(whole + 1)) {
        (Some(a), Some(b)) => a * (1.0 - part) + b * part,
        _ => 0.0,
    }
}

fn tempo(strength: &[f32]) -> Option<Tempo> {
    if (strength.len() as f32) < SECONDS_MIN * RATE {
        return None;
    }
    let lag_max = ((REPEATS as f32 * 60.0 / BPM_MIN + 0.1) * RATE) as usize;
    let smooth = moving_mean(strength, 2);
    let correlation = correlate(&smooth, lag_max.min(strength.len() * 2 / 3));
    let sure = |lag: f32| {
        let known = (1..=REPEATS).map(|times| lag * times as f32);
        let known: Vec<f32> = known.filter(|lag| *lag + 1.0 < correlation.len() as f32).collect();
        known.iter().map(|lag| repetition(&correlation, *lag)).sum::<f32>() / known.len().max(1) as f32
    };
    let step = 0.25;
    let lags = (0..).map(|n| 60.0 / BPM_MAX * RATE + n as f32 * step);
    let lags = lags.take_while(|lag| *lag <= 60.0 / BPM_MIN * RATE);
    let weighed = |lag: f32| {
        let octaves = (60.0 * RATE / lag / BPM_USUAL).log2() / OCTAVES;
        sure(lag) * (-0.5 * octaves * octaves).exp()
    };
    let best = lags.max_by(|a, b| weighed(*a).total_cmp(&weighed(*b)))?;
    let lag = faster(best, &sure);
    let confidence = sure(lag).clamp(0.0, 1.0);
    if confidence < CONFIDENCE_MIN {
        return None;
    }
    let beats = beats(strength, lag);
    // Over all beats the tempo is known more exactly than a lag tells.
    let lag = match (beats.first(), beats.last()) {
        (Some(first), Some(last)) if beats.len() > 4 => {
            slope(&beats).unwrap_or((last - first) as f32 / (beats.len() - 1) as f32)
        }
        _ => lag,
    };
    let beats_ms = beats.into_iter().map(milliseconds).collect();
    Some(Tempo { bpm: (60.0 * RATE / lag * 10.0).round() / 10.0, confidence, beats_ms })
}

/// The same beat may be counted in twos or threes; the quickest count that carries is the beat.
fn faster(lag: f32, sure: &impl Fn(f32) -> f32) -> f32 {
    for divisor in [2.0, 3.0] {
        let around = (-4..=4).map(|n| lag / divisor + n as f32 * 0.25);
        let finer = around.max_by(|a, b| sure(*a).total_cmp(&sure(*b)));
        if let Some(finer) = finer
            && finer >= 60.0 / BPM_MAX * RATE
            && sure(finer) >= FASTER_SHARE * sure(lag)
        {
            return finer;
        }
    }
    lag
}

/// Autocorrelation of the deviations from the mean, 1 at no lag.
fn correlate(values: &[f32], lag_max: usize) -> Vec<f32> {
    let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
    let centred: Vec<f32> = values.iter().map(|value| value - mean).collect();
    let power = centred.iter().map(|value| value * value).sum::<f32>() / centred.len().max(1) as f32;
    if power <= 0.0 {
        return vec![0.0; lag_max];
    }
    let at = |lag: usize| {
        let sum: f32 = centred[lag..].iter().zip(&centred).map(|(a, b)| a * b).sum();
        sum / (centred.len() - lag) as f32 / power
    };
    (0..lag_max).map(at).collect()
}

/// The chain of frames, about `lag` apart, with the most onset strength on it.
fn beats(strength: &[f32], lag: f32) -> Vec<usize> {
    let strength = moving_mean(strength, 1);
    let (near, far) = ((lag / 2.0).round().max(1.0) as usize, (lag * 2.0).round() as usize);
    let cost: Vec<f32> = (0..=far).map(|gap| TIGHTNESS * (gap.max(1) as f32 / lag).ln().powi(2)).collect();
    let mut total = strength.clone();
    let mut from: Vec<Option<usize>> = vec![None; strength.len()];
    for at in near..strength.len() {
        let before = (near..=far.min(at)).map(|gap| (total[at - gap] - cost[gap], at - gap));
        if let Some((score, before)) = before.max_by(|a, b| a.0.total_cmp(&b.0))
            && score > 0.0
        {
            total[at] += score;
            from[at] = Some(before);
        }
    }
    // The last beat is in the last interval; where the sound fades out there is none, and weak ends are cut below.
    let end = strength.len().saturating_sub(lag as usize)..strength.len();
    let mut beat = end.max_by(|a, b| total[*a].total_cmp(&total[*b]));
    let mut found = Vec::new();
    while let Some(at) = beat {
        found.push(at);
        beat = from[at];
    }
    found.reverse();
    trim(found, &strength)
}

/// Without weak beats at both ends: there the chain goes on into what has no beat.
fn trim(beats: Vec<usize>, strength: &[f32]) -> Vec<usize> {
    let near = |at: usize| {
        strength[at.saturating_sub(2)..(at + 3).min(strength.len())].iter().copied().fold(0.0, f32::max)
    };
    let usual = beats.iter().map(|at| near(*at)).sum::<f32>() / beats.len().max(1) as f32;
    let strong = |at: &usize| near(*at) > usual * 0.2;
    let Some(first) = beats.iter().position(strong) else { return Vec::new() };
    let last = beats.iter().rposition(strong).unwrap_or(first);
    beats[first..=last].to_vec()
}

/// Frames for each beat, by least squares.
fn slope(beats: &[usize]) -> Option<f32> {
    let count = beats.len() as f64;
    let (mut sum_n, mut sum_at, mut sum_n_at, mut sum_n_n) = (0.0, 0.0, 0.0, 0.0);
    for (n, at) in beats.iter().enumerate() {
        let (n, at) = (n as f64, *at as f64);
        sum_n += n;
        sum_at += at;
        sum_n_at += n * at;
        sum_n_n += n * n;
    }
    let spread = count * sum_n_n - sum_n * sum_n;
    (spread > 0.0).then(|| ((count * sum_n_at - sum_n * sum_at) / spread) as f32)
}

#[cfg(test)]
#[path = "rhythm_tests.rs"]
mod tests;
