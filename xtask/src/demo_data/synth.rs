//! A small additive synthesiser: enough for loops that are pleasant on a phone's speaker.
//!
//! Everything wraps around at the end (tails of notes, echoes), so that a clip loops without a seam. The same score
//! gives the same samples on every machine, which is what makes a shared sound recognisable by its hash.

use std::f32::consts::TAU;

use super::score::{Drums, Layer, Score};

/// Samples per second.
pub(crate) const RATE: u32 = 48_000;
/// Loudest sample after mastering, of 1.
const PEAK: f32 = 0.84;

/// A stereo loop being filled.
struct Mix {
    left: Vec<f32>,
    right: Vec<f32>,
}

/// One note on its way into the mix.
struct Note {
    /// Seconds from the loop's start.
    start: f32,
    /// Seconds until the key is released.
    length: f32,
    /// MIDI number; 69 is 440 Hz.
    key: i32,
    gain: f32,
    /// -1 is left, 1 is right.
    pan: f32,
}

/// Renders a score as interleaved 16-bit stereo.
pub(crate) fn render(score: &Score) -> Vec<i16> {
    let frames = (score.seconds() * RATE as f32).round() as usize;
    let mut dry = Mix { left: vec![0.0; frames], right: vec![0.0; frames] };
    let beat = 60.0 / score.beats_per_minute as f32;
    for layer in score.layers {
        play(&mut dry, score, *layer, beat);
    }
    let mut mix = echo(&dry, beat * 0.75, score.echo);
    drums(&mut mix, score, beat);
    master(&mix)
}

fn play(mix: &mut Mix, score: &Score, layer: Layer, beat: f32) {
    for bar in 0..score.bars {
        let chord = score.chords[bar % score.chords.len()];
        let bar_start = bar as f32 * 4.0 * beat;
        match layer {
            Layer::Pad => {
                for (voice, key) in chord.iter().enumerate() {
                    let pan = voice as f32 * 0.5 - 0.75;
                    mix.pad(&Note { start: bar_start, length: 4.0 * beat, key: *key, gain: 0.10, pan });
                }
            }
            Layer::Arpeggio(steps) => {
                // Sixteenths; a step is an index into the chord, above its size an octave higher, below 0 a rest.
                for sixteenth in 0..16 {
                    let step = steps[(bar * 16 + sixteenth) % steps.len()];
                    let Ok(step) = usize::try_from(step) else { continue };
                    let key = chord[step % chord.len()] + 12 * (1 + (step / chord.len()) as i32);
                    let start = bar_start + sixteenth as f32 * beat / 4.0;
                    let pan = if sixteenth % 2 == 0 { -0.35 } else { 0.35 };
                    mix.pluck(&Note { start, length: beat / 4.0, key, gain: 0.17, pan });
                }
            }
            Layer::Bells(steps) => {
                for eighth in 0..8 {
                    let Ok(step) = usize::try_from(steps[(bar * 8 + eighth) % steps.len()]) else { continue };
                    let key = chord[step % chord.len()] + 24 + 12 * (step / chord.len()) as i32;
                    let start = bar_start + eighth as f32 * beat / 2.0;
                    let pan = (eighth as f32 * 2.4).sin() * 0.5;
                    mix.bell(&Note { start, length: beat, key, gain: 0.13, pan });
                }
            }
            Layer::Square(steps) => {
                for eighth in 0..8 {
                    let Ok(step) = usize::try_from(steps[(bar * 8 + eighth) % steps.len()]) else { continue };
                    let key = chord[step % chord.len()] + 12 * (1 + (step / chord.len()) as i32);
                    let start = bar_start + eighth as f32 * beat / 2.0;
                    mix.square(&Note { start, length: beat * 0.42, key, gain: 0.09, pan: 0.15 });
                }
            }
            Layer::Bass(rhythm) => {
                for (sixteenth, hit) in rhythm.bytes().enumerate() {
                    if hit == b'x' {
                        let start = bar_start + sixteenth as f32 * beat / 4.0;
                        let key = chord[0] - 12;
                        mix.bass(&Note { start, length: beat * 0.45, key, gain: 0.34, pan: 0.0 });
                    }
                }
            }
        }
    }
}

fn drums(mix: &mut Mix, score: &Score, beat: f32) {
    let Some(Drums { kick, snare, hat }) = score.drums else { return };
    let mut noise = Noise(0x9E37_79B9);
    for bar in 0..score.bars {
        for sixteenth in 0..16 {
            let start = (bar as f32 * 4.0 + sixteenth as f32 / 4.0) * beat;
            let hits =
                |pattern: &str| pattern.as_bytes().get(sixteenth % pattern.len().max(1)) == Some(&b'x');
            if hits(kick) {
                mix.add(start, 0.34, 0.0, |t| {
                    // The pitch falls from 150 to 48 Hz; this is the integral of that fall.
                    let phase = 48.0 * t + 102.0 / 28.0 * (1.0 - (-28.0 * t).exp());
                    0.62 * (TAU * phase).sin() * (-9.0 * t).exp()
                });
            }
            if hits(snare) {
                mix.add(start, 0.22, 0.08, |t| {
                    0.24 * noise.next() * (-17.0 * t).exp()
                        + 0.16 * (TAU * 188.0 * t).sin() * (-26.0 * t).exp()
                });
            }
            if hits(hat) {
                let mut before = 0.0;
                mix.add(start, 0.06, -0.25, |t| {
                    let sample = noise.next();
                    // The difference of neighbours is a plain high-pass filter.
                    let high = sample - before;
                    before = sample;
                    0.10 * high * (-75.0 * t).exp()
                });
            }
        }
    }
}

impl Mix {
    /// Adds `sound(seconds)` for some seconds, wrapping around at the loop's end.
    fn add(&mut self, start: f32, length: f32, pan: f32, mut sound: impl FnMut(f32) -> f32) {
        let first = (start * RATE as f32) as usize;
        let frames = self.left.len();
        let (left, right) = ((1.0 - pan.max(0.0)), (1.0 + pan.min(0.0)));
        for index in 0..(length * RATE as f32) as usize {
            let sample = sound(index as f32 / RATE as f32);
            let place = (first + index) % frames;
            self.left[place] += sample * left;
            self.right[place] += sample * right;
        }
    }

    /// Two detuned soft saws that swell and fade.
    fn pad(&mut self, note: &Note) {
        let release = 0.9;
        for (detune, pan) in [(0.9965, note.pan - 0.2), (1.0035, note.pan + 0.2)] {
            let frequency = frequency(note.key) * detune;
            self.add(note.start, note.length + release, pan.clamp(-1.0, 1.0), |t| {
                let swell = (t / 0.5).min(1.0) * ((note.length + release - t) / release).clamp(0.0, 1.0);
                let phase = TAU * frequency * t;
                note.gain * swell * (phase.sin() + (2.0 * phase).sin() / 2.6 + (3.0 * phase).sin() / 6.0)
            });
        }
    }

    /// A plucked string: harmonics that die the faster the higher they are.
    fn pluck(&mut self, note: &Note) {
        let frequency = frequency(note.key);
        self.add(note.start, note.length + 0.35, note.pan, |t| {
            let phase = TAU * frequency * t;
            let attack = (t / 0.004).min(1.0);
            let body = phase.sin() * (-7.0 * t).exp()
                + 0.5 * (2.0 * phase).sin() * (-12.0 * t).exp()
                + 0.28 * (3.0 * phase).sin() * (-20.0 * t).exp();
            note.gain * attack * body
        });
    }

    /// Frequency modulation at a slightly odd ratio rings like metal.
    fn bell(&mut self, note: &Note) {
        let frequency = frequency(note.key);
        self.add(note.start, note.length + 1.2, note.pan, |t| {
            let modulation = 1.8 * (-5.0 * t).exp() * (TAU * frequency * 3.51 * t).sin();
            note.gain * (t / 0.003).min(1.0) * (-3.2 * t).exp() * (TAU * frequency * t + modulation).sin()
        });
    }

    /// A square wave without the harmonics that would alias.
    fn square(&mut self, note: &Note) {
        let frequency = frequency(note.key);
        self.add(note.start, note.length, note.pan, |t| {
            let phase = TAU * frequency * t;
            let edge = (t / 0.004).min(1.0) * ((note.length - t) / 0.02).clamp(0.0, 1.0);
            note.gain * edge * (phase.sin() + (3.0 * phase).sin() / 3.0 + (5.0 * phase).sin() / 5.0)
        });
    }

    /// A round bass with a little second harmonic, so that small speakers carry it.
    fn bass(&mut self, note: &Note) {
        let frequency = frequency(note.key);
        self.add(note.start, note.length + 0.08, note.pan, |t| {
            let phase = TAU * frequency * t;
            let envelope = (t / 0.006).min(1.0) * ((note.length + 0.08 - t) / 0.08).clamp(0.0, 1.0);
            let body = phase.sin() + 0.45 * (2.0 * phase).sin() + 0.2 * (3.0 * phase).sin();
            note.gain * envelope * (-1.6 * t).exp() * body
        });
    }
}

/// Ping-pong echoes that wrap around like the notes do.
fn echo(dry: &Mix, delay: f32, amount: f32) -> Mix {
    let frames = dry.left.len();
    let shift = (delay * RATE as f32) as usize;
    let mut wet = Mix { left: dry.left.clone(), right: dry.right.clone() };
    let mut gain = amount;
    for repeat in 1..=4 {
        let (from_left, from_right) =
            if repeat % 2 == 1 { (&dry.right, &dry.left) } else { (&dry.left, &dry.right) };
        for index in 0..frames {
            let source = (index + frames - (shift * repeat) % frames) % frames;
            wet.left[index] += gain * from_left[source];
            wet.right[index] += gain * from_right[source];
        }
        gain *= amount;
    }
    wet
}

fn master(mix: &Mix) -> Vec<i16> {
    // A soft knee rounds the few peaks where kick, bass and pad meet.
    let soft = |sample: f32| (1.25 * sample).tanh();
    let peak =
        mix.left.iter().chain(&mix.right).fold(0.001_f32, |peak, sample| peak.max(soft(*sample).abs()));
    let scale = PEAK / peak * f32::from(i16::MAX);
    mix.left
        .iter()
        .zip(&mix.right)
        .flat_map(|(left, right)| [soft(*left) * scale, soft(*right) * scale])
        .map(|s| s as i16)
        .collect()
}

fn frequency(key: i32) -> f32 {
    440.0 * ((key - 69) as f32 / 12.0).exp2()
}

/// Xorshift32 as white noise in -1 to 1.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::score::SCORES;
    use super::*;

    #[test]
    fn every_score_is_loud_enough_whole_and_the_same_twice() {
        for score in SCORES {
            let samples = render(score);
            assert_eq!(samples.len(), 2 * (score.seconds() * RATE as f32).round() as usize, "{}", score.slug);
            let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((26_000..=28_000).contains(&peak), "{}: {peak}", score.slug);
            let energy =
                samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
            assert!(energy.sqrt() > 1_500.0, "{}: {}", score.slug, energy.sqrt());
        }
        assert_eq!(render(&SCORES[0]), render(&SCORES[0]));
    }

    #[test]
    fn a_loop_has_no_seam() {
        for score in SCORES {
            let samples = render(score);
            let jump = (i32::from(samples[0]) - i32::from(samples[samples.len() - 2])).abs();
            let widest = samples.windows(3).map(|w| (i32::from(w[2]) - i32::from(w[0])).abs()).max().unwrap();
            assert!(jump <= widest, "{}: {jump} against {widest}", score.slug);
        }
    }
}
