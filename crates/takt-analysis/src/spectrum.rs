//! Short-time spectra: what fingerprints and rhythm are read from.

use realfft::RealFftPlanner;
use std::f32::consts::TAU;

/// Magnitudes over time and frequency, frame after frame.
pub(crate) struct Spectrogram {
    bins: usize,
    values: Vec<f32>,
}

impl Spectrogram {
    /// Hann-windowed magnitudes of the first `bins` frequencies, every `hop` samples. Frame `n` is centred at sample
    /// `n * hop`: what is missing before the beginning and after the end counts as silence.
    pub(crate) fn of(samples: &[f32], window: usize, hop: usize, bins: usize) -> Self {
        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(window);
        let hann: Vec<f32> =
            (0..window).map(|n| 0.5 - 0.5 * (TAU * n as f32 / window as f32).cos()).collect();
        let (mut input, mut output) = (plan.make_input_vec(), plan.make_output_vec());
        let bins = bins.min(output.len());
        let frames = samples.len() / hop;
        let mut values = Vec::with_capacity(frames * bins);
        for frame in 0..frames {
            for (n, slot) in input.iter_mut().enumerate() {
                let sample = (frame * hop + n).checked_sub(window / 2).and_then(|at| samples.get(at));
                // What a broken decoder makes of it must not spread over the whole spectrum.
                let sample = sample.copied().filter(|sample| sample.is_finite()).unwrap_or(0.0);
                *slot = sample.clamp(-8.0, 8.0) * hann[n];
            }
            plan.process(&mut input, &mut output).expect("the buffers are the plan's own");
            values.extend(output[..bins].iter().map(|bin| bin.norm()));
        }
        Self { bins, values }
    }

    pub(crate) fn frames(&self) -> usize {
        self.values.len().checked_div(self.bins).unwrap_or(0)
    }

    pub(crate) fn frame(&self, frame: usize) -> &[f32] {
        &self.values[frame * self.bins..(frame + 1) * self.bins]
    }

    /// The loudest value anywhere.
    pub(crate) fn loudest(&self) -> f32 {
        self.values.iter().copied().fold(0.0, f32::max)
    }

    /// Replaces every value.
    pub(crate) fn map(&mut self, change: impl Fn(f32) -> f32) {
        for value in &mut self.values {
            *value = change(*value);
        }
    }
}

/// The largest of each value's neighbours up to `reach` on both sides, itself included (van Herk's algorithm would be
/// O(1) per value; a queue of candidates is as well, and simpler).
pub(crate) fn sliding_max(values: &[f32], reach: usize, into: &mut Vec<f32>) {
    into.clear();
    let mut queue = std::collections::VecDeque::new();
    for end in 0..values.len() + reach {
        if let Some(value) = values.get(end) {
            while queue.back().is_some_and(|last: &usize| values[*last] <= *value) {
                queue.pop_back();
            }
            queue.push_back(end);
        }
        if let Some(at) = end.checked_sub(reach) {
            while queue.front().is_some_and(|first| first + reach < at) {
                queue.pop_front();
            }
            into.push(queue.front().map_or(0.0, |first| values[*first]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tone_is_loudest_at_its_own_frequency() {
        let tone: Vec<f32> = (0..11_025).map(|n| (TAU * 1000.0 * n as f32 / 11_025.0).sin()).collect();
        let spectrum = Spectrogram::of(&tone, 1024, 256, 513);
        let frame = spectrum.frame(20);
        let loudest = (0..frame.len()).max_by(|a, b| frame[*a].total_cmp(&frame[*b]));
        assert_eq!(loudest, Some(93));
    }

    #[test]
    fn broken_samples_stay_finite() {
        let samples = [f32::NAN, f32::INFINITY, -1e30, 1.0].repeat(1000);
        let spectrum = Spectrogram::of(&samples, 1024, 256, 513);
        assert!(spectrum.values.iter().all(|value| value.is_finite()));
    }

    proptest! {
        #[test]
        fn the_sliding_maximum_is_the_maximum_of_each_window(
            values in prop::collection::vec(-100.0_f32..100.0, 0..60), reach in 0_usize..9,
        ) {
            let mut found = Vec::new();
            sliding_max(&values, reach, &mut found);
            let expected: Vec<f32> = (0..values.len())
                .map(|at| values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())]
                    .iter().copied().fold(f32::MIN, f32::max))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
