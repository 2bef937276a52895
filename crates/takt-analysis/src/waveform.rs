//! The shape of a sound, to draw it.

use crate::SAMPLE_RATE;

/// Peaks for each second.
pub const PEAKS_PER_SECOND: u32 = 10;

/// The largest amplitude of each tenth of a second, 255 at the loudest of all. Silence is all zeros.
pub fn peaks(samples: &[f32]) -> Vec<u8> {
    let bounds = |peak: usize| peak * SAMPLE_RATE as usize / PEAKS_PER_SECOND as usize;
    let count = (samples.len() * PEAKS_PER_SECOND as usize).div_ceil(SAMPLE_RATE as usize);
    let amplitude = |part: &[f32]| {
        part.iter().map(|sample| sample.abs()).filter(|sample| sample.is_finite()).fold(0.0, f32::max)
    };
    let heights: Vec<f32> = (0..count)
        .map(|peak| amplitude(&samples[bounds(peak)..bounds(peak + 1).min(samples.len())]))
        .collect();
    let loudest = heights.iter().copied().fold(0.0, f32::max);
    if loudest <= 0.0 {
        return vec![0; count];
    }
    heights.iter().map(|height| (height / loudest * 255.0).round() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_stands_for_its_tenth_of_a_second() {
        let mut samples = vec![0.0; SAMPLE_RATE as usize];
        samples[SAMPLE_RATE as usize / 2 + 5] = -0.5;
        samples[SAMPLE_RATE as usize - 1] = 0.25;
        assert_eq!(peaks(&samples), [0, 0, 0, 0, 0, 255, 0, 0, 0, 128]);
    }

    #[test]
    fn silence_nothing_and_nonsense_are_flat() {
        assert_eq!(peaks(&[]), Vec::<u8>::new());
        assert_eq!(peaks(&[0.0; 2000]), [0, 0]);
        assert_eq!(peaks(&[f32::NAN; 100]), [0]);
    }
}
