//! Reads what ffprobe prints: one line for each packet and each stream, in its `compact` writer's form.
//!
//! Lines are taken one at a time and reduced to sums, so that memory does not grow with the file.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Streams looked at; a file with more is refused anyway.
const STREAMS_SEEN_MAX: u32 = 256;

/// A frame of a stream. The order of packets in a file is the one in which they are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// When it is shown, in microseconds.
    pub shown_us: i64,
    /// It can be decoded on its own.
    pub key: bool,
}

/// What was counted of one stream's packets. Times are in microseconds on the file's own time line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Packets {
    pub(crate) count: u32,
    pub(crate) bytes: u64,
    /// The packets that are shown, in file order.
    frames: Vec<Frame>,
    /// Latest end of a packet that states its duration.
    end: Option<i64>,
    /// Packets that an edit list hides.
    pub(crate) discarded: u32,
    /// The very first packet is a key frame.
    pub(crate) starts_with_key: bool,
    /// Some packet was marked as damaged.
    pub(crate) corrupt: bool,
}

impl Packets {
    fn take(&mut self, packet: &Fields<'_>) {
        let flags = packet.get("flags").unwrap_or_default();
        let key = flags.starts_with('K');
        if self.count == 0 {
            self.starts_with_key = key;
        }
        self.count = self.count.saturating_add(1);
        self.bytes =
            self.bytes.saturating_add(packet.get("size").and_then(|size| size.parse().ok()).unwrap_or(0));
        self.corrupt |= flags.contains('C');
        // AVI states decoding times only.
        let time = packet.micros("pts_time").or_else(|| packet.micros("dts_time"));
        let Some(time) = time else { return };
        if flags.contains('D') {
            self.discarded = self.discarded.saturating_add(1);
            return;
        }
        self.frames.push(Frame { shown_us: time, key });
        if let Some(duration) = packet.micros("duration_time") {
            // A lying duration on one packet must not stretch the whole.
            let end = time.saturating_add(duration.clamp(0, PACKET_DURATION_MAX));
            self.end = Some(self.end.map_or(end, |known| known.max(end)));
        }
    }

    /// When the first packet is shown.
    pub(crate) fn start(&self) -> Option<i64> {
        self.times().min()
    }

    /// When the last packet stops being shown, its length guessed from the others where it is not stated.
    pub(crate) fn end(&self) -> Option<i64> {
        let last = self.times().max()?;
        let guessed = last.saturating_add(self.median_interval().unwrap_or(0));
        Some(self.end.unwrap_or(guessed).max(last))
    }

    /// Packets shown for each second between the first and the last.
    pub(crate) fn rate(&self) -> Option<f64> {
        let (first, last) = (self.start()?, self.times().max()?);
        let span = last.checked_sub(first).filter(|span| *span > 0)?;
        Some((self.frames.len().saturating_sub(1)) as f64 * 1e6 / span as f64)
    }

    /// The middle one of all distances between neighbours.
    pub(crate) fn median_interval(&self) -> Option<i64> {
        let mut intervals = self.intervals();
        let middle = intervals.len() / 2;
        (!intervals.is_empty()).then(|| *intervals.select_nth_unstable(middle).1)
    }

    /// Distance that nine of ten neighbours keep at least: what the rate is when pictures do move.
    pub(crate) fn short_interval(&self) -> Option<i64> {
        let mut intervals = self.intervals();
        let tenth = intervals.len() / 10;
        (!intervals.is_empty()).then(|| *intervals.select_nth_unstable(tenth).1)
    }

    /// Its frames in file order, their times counted from `origin`.
    pub(crate) fn frames(&self, origin: i64) -> Vec<Frame> {
        let since = |frame: &Frame| Frame { shown_us: frame.shown_us.saturating_sub(origin), ..*frame };
        self.frames.iter().map(since).collect()
    }

    fn times(&self) -> impl Iterator<Item = i64> {
        self.frames.iter().map(|frame| frame.shown_us)
    }

    fn intervals(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.times().collect();
        times.sort_unstable();
        times.dedup();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Longest time between two key frames, or from the last one to the end.
    pub(crate) fn key_gap(&self) -> Option<i64> {
        let mut times: Vec<i64> =
            self.frames.iter().filter(|frame| frame.key).map(|frame| frame.shown_us).collect();
        times.sort_unstable();
        times.push(self.end()?);
        times.windows(2).map(|pair| pair[1] - pair[0]).max()
    }
}

/// A packet that claims to last longer is not believed (microseconds). Slide shows hold a picture for seconds.
const PACKET_DURATION_MAX: i64 = 20_000_000;

/// One stream as ffprobe describes it, with its packets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stream {
    pub(crate) index: u32,
    pub(crate) kind: String,
    pub(crate) codec: String,
    pub(crate) tag: String,
    pub(crate) profile: String,
    pub(crate) level: i32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixel_format: String,
    /// Sample aspect ratio, width to height of a pixel.
    pub(crate) pixel_aspect: Option<(u32, u32)>,
    pub(crate) field_order: String,
    pub(crate) color_space: String,
    pub(crate) color_transfer: String,
    pub(crate) channels: u32,
    pub(crate) sample_rate: u32,
    /// Samples that the index promises, where there is an index.
    pub(crate) frames_declared: Option<u32>,
    pub(crate) attached_picture: bool,
    pub(crate) is_default: bool,
    /// Rotation in degrees, counter-clockwise, of the display matrix.
    pub(crate) rotation: f64,
    /// A display matrix other than "as it is" is present.
    pub(crate) transformed: bool,
    pub(crate) packets: Packets,
}

/// Everything ffprobe said about one file.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    pub(crate) streams: Vec<Stream>,
    packets: BTreeMap<u32, Packets>,
    /// Why reading was stopped early.
    pub(crate) stopped: Option<Stop>,
    total: u32,
    first_time: Option<i64>,
}

/// Why a count was cut short: the rest could not change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The time line went on far beyond the limit; this far at least, in milliseconds.
    TooLong(u32),
    /// More packets than any allowed file has.
    TooManyPackets,
}

/// When to stop counting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) packets_max: u32,
    pub(crate) span_max_ms: u32,
}

impl Probe {
    /// Takes one line of ffprobe's output.
    pub(crate) fn line(&mut self, line: &str, bounds: Bounds) -> ControlFlow<()> {
        if let Some(rest) = line.strip_prefix("packet|") {
            return self.packet(&Fields(rest), bounds);
        }
        if let Some(rest) = line.strip_prefix("stream|")
            && let Some(stream) = stream(&Fields(rest))
            && self.streams.len() < STREAMS_SEEN_MAX as usize
        {
            self.streams.push(stream);
        }
        ControlFlow::Continue(())
    }

    fn packet(&mut self, fields: &Fields<'_>, bounds: Bounds) -> ControlFlow<()> {
        let Some(index) = fields.number::<u32>("stream_index").filter(|index| *index < STREAMS_SEEN_MAX)
        else {
            return ControlFlow::Continue(());
        };
        self.total += 1;
        if self.total > bounds.packets_max {
            self.stopped = Some(Stop::TooManyPackets);
            return ControlFlow::Break(());
        }
        self.packets.entry(index).or_default().take(fields);
        if let Some(time) = fields.micros("dts_time") {
            let first = *self.first_time.get_or_insert(time);
            let span_ms = time.saturating_sub(first) / 1000;
            if span_ms > i64::from(bounds.span_max_ms) {
                self.stopped = Some(Stop::TooLong(u32::try_from(span_ms).unwrap_or(u32::MAX)));
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Packets a second of the busiest stream. For files whose count was cut short.
    pub(crate) fn densest_rate(&self) -> f64 {
        let counted = self.packets.values().chain(self.streams.iter().map(|stream| &stream.packets));
        counted.filter_map(Packets::rate).fold(0.0, f64::max)
    }

    /// Joins packets and streams; the packets come first in the output.
    pub(crate) fn finish(mut self) -> Self {
        for stream in &mut self.streams {
            stream.packets = self.packets.remove(&stream.index).unwrap_or_default();
        }
        self
    }
}

fn stream(fields: &Fields<'_>) -> Option<Stream> {
    let text = |name| fields.get(name).map(unescape).unwrap_or_default();
    let matrix = text("displaymatrix");
    Some(Stream {
        index: fields.number("index")?,
        kind: text("codec_type"),
        codec: text("codec_name"),
        tag: text("codec_tag_string"),
        profile: text("profile"),
        level: fields.number("level").unwrap_or(-99),
        width: fields.number("width").unwrap_or(0),
        height: fields.number("height").unwrap_or(0),
        pixel_format: text("pix_fmt"),
        pixel_aspect: fields.get("sample_aspect_ratio").and_then(ratio),
        field_order: text("field_order"),
        color_space: text("color_space"),
        color_transfer: text("color_transfer"),
        channels: fields.number("channels").unwrap_or(0),
        sample_rate: fields.number("sample_rate").unwrap_or(0),
        frames_declared: fields.number("nb_frames"),
        attached_picture: fields.get("disposition:attached_pic") == Some("1"),
        is_default: fields.get("disposition:default") == Some("1"),
        rotation: fields.number::<f64>("rotation").filter(|angle| angle.is_finite()).unwrap_or(0.0),
        transformed: !matrix.is_empty() && !is_identity(&matrix),
        packets: Packets::default(),
    })
}

/// The 3 by 3 matrix is printed as `00000000: a b u` in three lines, in 16.16 and 2.30 fixed point.
fn is_identity(matrix: &str) -> bool {
    let numbers: Vec<i64> = matrix
        .split_whitespace()
        .filter(|word| !word.ends_with(':'))
        .filter_map(|word| word.parse().ok())
        .collect();
    // Translation (the third row) does not turn anything.
    matches!(numbers[..], [65536, 0, 0, 0, 65536, 0, ..])
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(':')?;
    let ratio = (width.parse().ok()?, height.parse().ok()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}

/// The fields of one line: `name=value|name=value`, with `\|` and `\\` inside values.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.0;
        while !rest.is_empty() {
            let end = field_end(rest);
            let (field, after) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
            if let Some(value) = field.strip_prefix(name).and_then(|value| value.strip_prefix('=')) {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// Seconds such as `-0.021333` as microseconds.
    fn micros(&self, name: &str) -> Option<i64> {
        let seconds: f64 = self.number(name)?;
        // Ten years either way; beyond that the number is rubbish and would overflow sums.
        (seconds.is_finite() && seconds.abs() < 3.2e8).then(|| (seconds * 1e6).round() as i64)
    }
}

fn field_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'|' => return at,
            _ => {}
        }
    }
    text.len()
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'r') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { packets_max: 1000, span_max_ms: 300_000 };

    fn read(text: &str) -> Probe {
        let mut probe = Probe::default();
        for line in text.lines() {
            if probe.line(line, BOUNDS).is_break() {
                break;
            }
        }
        probe.finish()
    }

    #[test]
    fn counts_instead_of_believing() {
        let probe = read(
            "packet|stream_index=0|pts_time=0.000000|dts_time=-0.04|duration_time=0.040000|size=100|flags=K_\n\
             packet|stream_index=0|pts_time=0.080000|dts_time=0.00|duration_time=0.040000|size=10|flags=__\n\
             packet|stream_index=0|pts_time=0.040000|dts_time=0.04|duration_time=0.040000|size=10|flags=__\n\
             \n\
             stream|index=0|codec_name=h264|codec_type=video|nb_frames=9|duration=3600.0|sample_aspect_ratio=4:3\n",
        );
        let stream = &probe.streams[0];
        assert_eq!(stream.packets.end(), Some(120_000));
        assert_eq!(stream.packets.rate(), Some(25.0));
        assert_eq!(stream.packets.key_gap(), Some(120_000));
        assert_eq!((stream.frames_declared, stream.pixel_aspect), (Some(9), Some((4, 3))));
    }

    #[test]
    fn an_escaped_bar_does_not_start_a_field() {
        let probe = read("stream|index=0|profile=a\\|codec_type=audio|codec_type=video|codec_name=vp8\n");
        assert_eq!(probe.streams[0].kind, "video");
        assert_eq!(probe.streams[0].profile, "a|codec_type=audio");
    }

    #[test]
    fn stops_when_the_verdict_is_clear() {
        let long = "packet|stream_index=0|pts_time=0|dts_time=0|flags=K_\npacket|stream_index=0|dts_time=999|flags=__\n";
        assert_eq!(read(long).stopped, Some(Stop::TooLong(999_000)));
        let bomb = "packet|stream_index=0|dts_time=0.1|size=1|flags=__\n".repeat(1001);
        assert_eq!(read(&bomb).stopped, Some(Stop::TooManyPackets));
    }

    #[test]
    fn knows_the_identity_matrix() {
        assert!(is_identity(
            "\n00000000:        65536           0           0\n00000001:            0       65536           0\n00000002:            0           0  1073741824\n"
        ));
        assert!(!is_identity(
            "\n00000000:        65536           0           0\n00000001:            0      -65536           0\n"
        ));
    }

    proptest! {
        #[test]
        fn takes_any_line(lines in proptest::collection::vec("(packet|stream)\\|.{0,80}", 0..20)) {
            let _ = read(&lines.join("\n"));
        }

        #[test]
        fn takes_any_times(times in proptest::collection::vec((any::<f64>(), any::<f64>()), 1..50)) {
            let mut text = String::new();
            for (time, duration) in &times {
                text.push_str(&format!("packet|stream_index=0|pts_time={time}|duration_time={duration}|flags=K_\n"));
            }
            text.push_str("stream|index=0|codec_type=video\n");
            let probe = read(&text);
            for stream in &probe.streams {
                let packets = &stream.packets;
                let _ = (packets.end(), packets.rate(), packets.key_gap(), packets.short_interval());
            }
        }
    }
}
