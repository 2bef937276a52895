//! The sample videos' music, as data. All of it was made up for this file.

/// A loop of whole bars in 4/4.
pub(crate) struct Score {
    pub(crate) slug: &'static str,
    pub(crate) beats_per_minute: u32,
    pub(crate) bars: usize,
    /// One chord a bar, repeated; MIDI numbers from the bass up.
    pub(crate) chords: &'static [[i32; 4]],
    pub(crate) layers: &'static [Layer],
    pub(crate) drums: Option<Drums>,
    /// How much of the sound comes back as echo, 0 to 0.6.
    pub(crate) echo: f32,
}

impl Score {
    /// Length of the loop.
    pub(crate) fn seconds(&self) -> f32 {
        self.bars as f32 * 4.0 * 60.0 / self.beats_per_minute as f32
    }

    /// Length of one beat.
    pub(crate) fn beat_seconds(&self) -> f32 {
        60.0 / self.beats_per_minute as f32
    }
}

/// An instrument and what it plays. Steps are indexes into the bar's chord; -1 is a rest.
#[derive(Clone, Copy)]
pub(crate) enum Layer {
    /// The whole chord, swelling.
    Pad,
    /// Plucked sixteenths.
    Arpeggio(&'static [i8]),
    /// Bells in eighths.
    Bells(&'static [i8]),
    /// A square wave in eighths.
    Square(&'static [i8]),
    /// The chord's root: `x` in sixteenths.
    Bass(&'static str),
}

/// Drum patterns: `x` in sixteenths.
#[derive(Clone, Copy)]
pub(crate) struct Drums {
    pub(crate) kick: &'static str,
    pub(crate) snare: &'static str,
    pub(crate) hat: &'static str,
}

// Chords: names as musicians write them, spread over about two octaves.
const C_MAJ7: [i32; 4] = [48, 55, 59, 64];
const A_MIN7: [i32; 4] = [45, 52, 55, 60];
const F_MAJ7: [i32; 4] = [41, 52, 57, 60];
const G_SIX: [i32; 4] = [43, 52, 55, 59];
const D_MIN9: [i32; 4] = [50, 53, 57, 64];
const E_MIN7: [i32; 4] = [40, 55, 59, 62];
const B_FLAT: [i32; 4] = [46, 53, 58, 62];
const G_MIN7: [i32; 4] = [43, 53, 58, 62];
const E_FLAT: [i32; 4] = [39, 55, 58, 63];
const C_MIN7: [i32; 4] = [48, 55, 58, 63];

/// Every loop, 8 to 20 seconds long.
pub(crate) const SCORES: &[Score] = &[
    Score {
        slug: "glass-stairs",
        beats_per_minute: 120,
        bars: 6,
        chords: &[A_MIN7, F_MAJ7, C_MAJ7, G_SIX, D_MIN9, E_MIN7],
        layers: &[
            Layer::Pad,
            Layer::Arpeggio(&[0, 2, 4, 2, 5, 3, 1, 3, 0, 2, 4, 6, 5, 3, 2, 1]),
            Layer::Bass("x.....x.x......."),
        ],
        drums: Some(Drums { kick: "x...x...x...x...", snare: "................", hat: "..x." }),
        echo: 0.34,
    },
    Score {
        slug: "slow-lake",
        beats_per_minute: 80,
        bars: 5,
        chords: &[F_MAJ7, C_MAJ7, D_MIN9, B_FLAT, C_MAJ7],
        layers: &[Layer::Pad, Layer::Bells(&[2, -1, -1, 3, -1, 1, -1, -1, 4, -1, -1, -1, 2, -1, 3, -1])],
        drums: None,
        echo: 0.5,
    },
    Score {
        slug: "kitchen-beat",
        beats_per_minute: 100,
        bars: 4,
        chords: &[G_MIN7, E_FLAT, B_FLAT, C_MIN7],
        layers: &[Layer::Bass("x..x..x...x..x.."), Layer::Square(&[-1, 2, -1, -1, 3, -1, 1, -1])],
        drums: Some(Drums { kick: "x.....x.x.......", snare: "....x.......x..x", hat: "x.xxx.x.x.xxx.x." }),
        echo: 0.22,
    },
    Score {
        slug: "night-tram",
        beats_per_minute: 125,
        bars: 6,
        chords: &[C_MIN7, C_MIN7, E_FLAT, B_FLAT, G_MIN7, B_FLAT],
        layers: &[
            Layer::Bass("x.x.x.x.x.x.x.x."),
            Layer::Pad,
            Layer::Arpeggio(&[4, -1, 3, -1, 2, 3, -1, 1, 4, -1, 5, -1, 3, 2, -1, 1]),
        ],
        drums: Some(Drums { kick: "x...", snare: "....x.......x...", hat: "x.x.x.x.x.x.xxx." }),
        echo: 0.3,
    },
    Score {
        slug: "paper-boats",
        beats_per_minute: 96,
        bars: 4,
        chords: &[C_MAJ7, E_MIN7, F_MAJ7, G_SIX],
        layers: &[Layer::Bells(&[0, 2, 3, 5, 4, 3, 2, 3]), Layer::Bass("x.......x.......")],
        drums: None,
        echo: 0.38,
    },
    Score {
        slug: "eight-bits-up",
        beats_per_minute: 150,
        bars: 8,
        chords: &[C_MAJ7, G_SIX, A_MIN7, F_MAJ7],
        layers: &[
            Layer::Square(&[4, 3, 5, 4, 6, 5, 4, 2, 4, 6, 7, 6, 5, 4, 3, 2]),
            Layer::Bass("x.xxx.x.x.xxx.x."),
        ],
        drums: Some(Drums { kick: "x...x...x...x.x.", snare: "....x.......x...", hat: "x.x." }),
        echo: 0.18,
    },
    Score {
        slug: "low-tide",
        beats_per_minute: 60,
        bars: 4,
        chords: &[D_MIN9, B_FLAT, G_MIN7, A_MIN7],
        layers: &[Layer::Pad, Layer::Bass("x..............."), Layer::Bells(&[-1, -1, -1, 5, -1, -1, 4, -1])],
        drums: None,
        echo: 0.55,
    },
    Score {
        slug: "marching-ants",
        beats_per_minute: 120,
        bars: 5,
        chords: &[D_MIN9, G_MIN7, D_MIN9, C_MAJ7, A_MIN7],
        layers: &[
            Layer::Arpeggio(&[0, -1, 0, 1, -1, 2, -1, 3, 4, -1, 3, -1, 2, -1, 1, -1]),
            Layer::Bass("x...x...x...x.x."),
        ],
        drums: Some(Drums { kick: "x.......x..x....", snare: "....x..x....x.xx", hat: "..x...x." }),
        echo: 0.26,
    },
];

/// A loop by its slug.
pub(crate) fn find(slug: &str) -> Option<&'static Score> {
    SCORES.iter().find(|score| score.slug == slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_short_videos() {
        for score in SCORES {
            assert!((8.0..=20.0).contains(&score.seconds()), "{}: {} s", score.slug, score.seconds());
        }
    }
}
