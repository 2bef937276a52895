//! What a video looks like over time: perceptual hashes of small grey frames.
//!
//! Each frame becomes the signs of its low frequencies (C. Zauner, "Implementation and Benchmarking of Perceptual Image
//! Hash Functions", 2010: pHash). Encoding, scaling and slight cropping flip few of them; mirroring negates those with
//! an odd number of waves across, so that the mirrored hash is known without the mirrored frame.

/// Width and height of the frames given to this crate, in pixels.
pub const FRAME_EDGE: usize = 32;
/// Frames for each second of video given to this crate.
pub const FRAMES_PER_SECOND: u32 = 2;

/// Low frequencies on each axis; the constant one is left out.
const WAVES: usize = 8;
/// A frame whose brightness hardly varies has no signs worth keeping (standard deviation, of 255).
const FLAT: f32 = 4.0;
/// Most frames looked at: the longest video.
const FRAMES_MAX: usize = 180;
/// Hashes of unlike frames differ in about half of their 63 bits; of like ones in less than this many on average.
const DISTANCE_MAX: f32 = 14.0;
/// With less than this in common there is nothing to judge by.
const FRAMES_MIN: usize = 2;
/// Without a sound to go by it takes more: a person before the same wall twice is two videos.
const FRAMES_MIN_ALONE: u32 = 4;

/// Hashes of a video's frames, in order; flat frames have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures(Vec<Option<u64>>);

/// What is known about the sounds of two videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoundRelation {
    /// Both have the same sound.
    Same,
    /// One of them has none.
    Unknown,
    /// Each has its own: with other sound, the same pictures are another video.
    Different,
}

/// How far two videos look the same, at the shift in time where they do most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureLikeness {
    /// Frames both have there.
    pub frames: u32,
    /// Mean number of differing bits, of 63.
    pub distance: f32,
    /// One of them is the other's mirror image.
    pub mirrored: bool,
    /// Frames in common of the shorter video's frames.
    pub share: f32,
}

impl PictureLikeness {
    /// Whether the two are one video: they look the same for most of the shorter one, and no sound speaks against it.
    pub fn is_same(&self, sound: SoundRelation) -> bool {
        let enough = match sound {
            SoundRelation::Same => true,
            SoundRelation::Unknown => self.frames >= FRAMES_MIN_ALONE,
            SoundRelation::Different => false,
        };
        enough && self.share >= 0.5 && self.distance <= DISTANCE_MAX
    }
}

impl Pictures {
    /// Looks at grey frames, [`FRAME_EDGE`] squared bytes each, one after the other.
    pub fn of(frames: &[u8]) -> Self {
        let cosines = cosines();
        let frames = frames.chunks_exact(FRAME_EDGE * FRAME_EDGE).take(FRAMES_MAX);
        Self(frames.map(|frame| hash(frame, &cosines)).collect())
    }

    /// Whether there is nothing to recognise.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// As bytes: eight for each frame, zero for a flat one.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.unwrap_or(0).to_le_bytes()).collect()
    }

    /// Reads what [`Pictures::to_bytes`] wrote; none when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chunks, []) = bytes.as_chunks::<8>() else { return None };
        let hashes = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk));
        Some(Self(hashes.map(|hash| (hash != 0).then_some(hash)).collect()))
    }

    /// Lays `self` over `other`, as it is and mirrored, where they look most alike.
    pub fn compare(&self, other: &Self) -> Option<PictureLikeness> {
        let mirrored = Self(self.0.iter().map(|hash| hash.map(mirror)).collect());
        let (plain, turned) = (self.best(other, false), mirrored.best(other, true));
        // Of equals (a symmetric video) the plain one.
        plain.into_iter().chain(turned).reduce(|a, b| if b.distance < a.distance { b } else { a })
    }

    fn best(&self, other: &Self, mirrored: bool) -> Option<PictureLikeness> {
        let (own, theirs) = (self.0.len() as isize, other.0.len() as isize);
        let shorter = own.min(theirs);
        let mut best: Option<PictureLikeness> = None;
        for shift in -own..theirs {
            let range = 0.max(-shift)..own.min(theirs - shift);
            if range.is_empty() || (range.len() as isize) * 2 < shorter {
                continue;
            }
            let pairs = range.clone().filter_map(|at| Some((self.at(at)?, other.at(at + shift)?)));
            let (mut bits, mut frames) = (0, 0_u32);
            for (a, b) in pairs {
                bits += (a ^ b).count_ones();
                frames += 1;
            }
            let distance = bits as f32 / frames.max(1) as f32;
            if (frames as usize) < FRAMES_MIN || best.is_some_and(|best| best.distance <= distance) {
                continue;
            }
            let share = range.len() as f32 / shorter as f32;
            best = Some(PictureLikeness { frames, distance, mirrored, share });
        }
        best
    }

    fn at(&self, frame: isize) -> Option<u64> {
        self.0.get(usize::try_from(frame).ok()?).copied().flatten()
    }

    /// The keys under which a video is to be found: a quarter of a hash each, with the place of the quarter.
    pub fn index_keys(&self) -> Vec<u32> {
        keys(self.0.iter().copied().flatten())
    }

    /// The keys to look for when asking which known video this is, mirrored or not.
    pub fn query_keys(&self) -> Vec<u32> {
        keys(self.0.iter().copied().flatten().flat_map(|hash| [hash, mirror(hash)]))
    }
}

fn keys(hashes: impl Iterator<Item = u64>) -> Vec<u32> {
    let quarters = |hash: u64| (0..4).map(move |place| place << 16 | (hash >> (16 * place) & 0xffff) as u32);
    let mut keys: Vec<u32> = hashes.flat_map(quarters).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The bit of the wave with `across` and `down` half periods.
fn bit(across: usize, down: usize) -> u64 {
    1 << (down * WAVES + across)
}

/// The hash of the same frame mirrored left to right: odd waves across change their sign.
fn mirror(hash: u64) -> u64 {
    let odd: u64 = (0..WAVES)
        .flat_map(|down| (1..WAVES).step_by(2).map(move |across| bit(across, down)))
        .fold(0, |all, one| all | one);
    hash ^ odd
}

/// Cosines of the discrete cosine transform (type II): wave by pixel.
fn cosines() -> [[f32; FRAME_EDGE]; WAVES] {
    let step = std::f32::consts::PI / FRAME_EDGE as f32;
    std::array::from_fn(|wave| std::array::from_fn(|pixel| (step * wave as f32 * (pixel as f32 + 0.5)).cos()))
}

/// None for a flat frame. The constant wave's bit is always set, so that no hash is zero.
fn hash(frame: &[u8], cosines: &[[f32; FRAME_EDGE]; WAVES]) -> Option<u64> {
    let count = frame.len() as f32;
    let mean = frame.iter().map(|pixel| f32::from(*pixel)).sum::<f32>() / count;
    let variance = frame.iter().map(|pixel| (f32::from(*pixel) - mean).powi(2)).sum::<f32>() / count;
    if variance < FLAT * FLAT {
        return None;
    }
    let rows: Vec<[f32; WAVES]> = frame
        .chunks_exact(FRAME_EDGE)
        .map(|row| {
            std::array::from_fn(|wave| {
                row.iter().zip(&cosines[wave]).map(|(pixel, cosine)| f32::from(*pixel) * cosine).sum()
            })
        })
        .collect();
    let mut hash = bit(0, 0);
    for (down, wave) in cosines.iter().enumerate() {
        for across in 0..WAVES {
            let value: f32 = rows.iter().zip(wave).map(|(row, cosine)| row[across] * cosine).sum();
            if (across, down) != (0, 0) && value > 0.0 {
                hash |= bit(across, down);
            }
        }
    }
    Some(hash)
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
