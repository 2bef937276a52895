//! The sound of a composition: the segments' own, the other video's, the library's, and what is spoken over them.

use super::compose::{Composer, Cut};
use super::graph::{Filter, Pad, Value, filter};
use super::list::Segment;
use super::timeline::{SAMPLE_RATE, sample_at};
use crate::inspect::Source;

/// Highest level that a mix is let reach; sums of several sounds go over full scale.
const LIMIT: f64 = 0.89;

/// Everything heard, from first to last sample; `None` when nothing is.
pub(super) fn compose(composer: &mut Composer<'_>, other: Option<Cut>) -> Option<Pad> {
    let mut heard = Vec::new();
    heard.extend(own(composer));
    heard.extend(other.and_then(|cut| other_sound(composer, &cut)));
    heard.extend(backing(composer));
    heard.extend(voices(composer));
    let list = composer.edit.list();
    let loud = list.segments.iter().any(|segment| segment.volume > 1.0);
    let mut filters = Vec::new();
    if heard.len() > 1 {
        let count = u32::try_from(heard.len()).unwrap_or(u32::MAX);
        filters.push(
            filter("amix").set("inputs", count).set("normalize", 0_u32).set("dropout_transition", 0_u32),
        );
    }
    if heard.is_empty() {
        return None;
    }
    let seconds = f64::from(composer.edit.duration_ms()) / 1000.0;
    let fade = |kind, start_s: f64, ms: u32| {
        filter("afade").set("t", kind).set("st", start_s).set("d", f64::from(ms) / 1000.0).set("curve", "tri")
    };
    if list.fade.in_ms > 0 {
        filters.push(fade("in", 0.0, list.fade.in_ms));
    }
    if list.fade.out_ms > 0 {
        filters.push(fade("out", seconds - f64::from(list.fade.out_ms) / 1000.0, list.fade.out_ms));
    }
    if heard.len() > 1 || loud {
        let limiter = filter("alimiter").set("limit", LIMIT).set("level", 0_u32).set("latency", 1_u32);
        filters.push(limiter);
    }
    filters.push(filter("atrim").set("end_sample", composer.samples));
    Some(composer.graph.chain(&heard, filters))
}

/// The sound of all segments, silence where one has none; `None` when none has any.
fn own(composer: &mut Composer<'_>) -> Option<Pad> {
    let segments = &composer.edit.list().segments;
    let audible = |composer: &Composer<'_>, cut: &Cut| {
        let source = composer.source(cut.clip);
        segments[cut.piece.segment].volume > 0.0 && source.is_some_and(|source| source.audio.is_some())
    };
    if !composer.pieces.iter().any(|cut| audible(composer, cut)) {
        return None;
    }
    let mut parts = Vec::new();
    for cut in composer.pieces.clone() {
        let segment = &segments[cut.piece.segment];
        let source = composer.source(cut.clip).filter(|_| audible(composer, &cut));
        let part = match source.and_then(|source| Some((source, source.audio.as_ref()?))) {
            Some((source, audio)) => {
                let filters = piece_filters(composer, &cut, segment, source);
                composer.graph.chain(&[Pad::Input { file: cut.input, stream: audio.index }], filters)
            }
            None => {
                let silence =
                    filter("anullsrc").set("channel_layout", "stereo").set("sample_rate", SAMPLE_RATE);
                composer.graph.chain(&[], [silence, filter("atrim").set("end_sample", cut.piece.samples)])
            }
        };
        parts.push(part);
    }
    Some(composer.concat(&parts, false))
}

fn piece_filters(composer: &Composer<'_>, cut: &Cut, segment: &Segment, source: &Source) -> Vec<Filter> {
    let mut filters = stereo(source.audio.as_ref().map_or(2, |audio| audio.channels));
    filters.extend(stretch(segment.speed, composer.abilities.rubberband));
    // Later by this much than the time line has it, in seconds of the result.
    let mut later_s = -stretch_bias(segment.speed, composer.abilities.rubberband);
    later_s += cut.settled.shown_s;
    filters.extend(begin_at(cut.before_s / segment.speed - later_s));
    filters.extend(exactly(cut.piece.samples));
    if segment.reverse {
        filters.push(filter("areverse"));
    }
    filters.extend(volume(segment.volume));
    filters
}

/// Samples of one kind from time zero, gaps filled. One channel is heard on both sides as loud as it is, as browsers do
/// it; FFmpeg by itself would take three decibels off.
fn stereo(channels: u32) -> Vec<Filter> {
    let resample = filter("aresample").set("out_sample_rate", SAMPLE_RATE);
    let mut filters = vec![resample.set("async", 1_u32).set("first_pts", 0_u32)];
    if channels == 1 {
        filters.push(filter("aformat").set("channel_layouts", "mono"));
        filters.push(filter("pan").set("args", "stereo|c0=c0|c1=c0"));
    }
    filters.push(filter("aformat").set("sample_fmts", "fltp").set("channel_layouts", "stereo"));
    filters
}

/// Faster or slower at the same pitch.
fn stretch(speed: f64, rubberband: bool) -> Vec<Filter> {
    if speed == 1.0 {
        return Vec::new();
    }
    if rubberband {
        // A short window keeps clicks where they are. The other treatments of transients are sharper, but break steady
        // tones up, some from some beginnings only.
        let stretch = filter("rubberband").set("tempo", speed).set("window", "short");
        return vec![stretch.set("transients", "smooth")];
    }
    let tempo = |speed: f64| filter("atempo").set("tempo", speed);
    // It goes down to a half; twice the root is the whole.
    if speed < 0.5 { vec![tempo(speed.sqrt()), tempo(speed.sqrt())] } else { vec![tempo(speed)] }
}

/// How much too late the stretched sound comes, in seconds; measured with clicks of 4 and 30 ms at ten speeds from 0.3
/// to 3 (FFmpeg 5.1, rubberband 3.1). What stays is 5 ms with rubberband, 15 ms with atempo, more below half speed.
fn stretch_bias(speed: f64, rubberband: bool) -> f64 {
    match (speed == 1.0, rubberband) {
        (true, _) => 0.0,
        (false, true) => (0.009 * (1.0 - 1.0 / speed)).clamp(-0.020, 0.003),
        (false, false) if speed < 1.0 => -0.025,
        (false, false) => -0.005,
    }
}

/// Cuts the first seconds off, or puts silence before them where negative.
fn begin_at(seconds: f64) -> Vec<Filter> {
    if seconds >= 0.0 {
        let cut = filter("atrim").set("start_sample", sample_at(seconds));
        return vec![cut, filter("asetpts").set("expr", "PTS-STARTPTS")];
    }
    // Its "S" marks samples; the same for every channel.
    vec![filter("adelay").set("delays", Value::Samples(sample_at(-seconds))).set("all", 1_u32)]
}

/// Exactly so many samples, silent where the source has no more.
fn exactly(samples: u32) -> Vec<Filter> {
    vec![filter("apad"), filter("atrim").set("end_sample", samples)]
}

fn volume(volume: f64) -> Option<Filter> {
    (volume != 1.0).then(|| filter("volume").set("volume", volume))
}

/// The other video's sound from the moment both begin.
fn other_sound(composer: &mut Composer<'_>, cut: &Cut) -> Option<Pad> {
    let layout = &composer.edit.list().layout;
    let audio = composer.source(cut.clip)?.audio.as_ref().filter(|_| layout.volume > 0.0)?;
    let mut filters = stereo(audio.channels);
    filters.extend(begin_at(cut.before_s));
    filters.extend(exactly(composer.samples));
    filters.extend(volume(layout.volume));
    Some(composer.graph.chain(&[Pad::Input { file: cut.input, stream: audio.index }], filters))
}

/// How much later than the time line has them all pictures are shown on the whole, in seconds: less than a frame.
fn pictures_later_s(composer: &Composer<'_>) -> f64 {
    let weighed = composer.pieces.iter().map(|cut| cut.settled.shown_s * f64::from(cut.piece.frames));
    weighed.sum::<f64>() / f64::from(composer.frames.max(1))
}

/// The library's sound: its `start_ms` is heard at `lead_ms`, as the pictures are seen.
fn backing(composer: &mut Composer<'_>) -> Option<Pad> {
    let sound = composer.edit.list().sound.as_ref().filter(|sound| sound.volume > 0.0)?;
    let (path, source) = composer.sources.sound.as_ref()?;
    // Heard before the first picture: that much of it is over by then.
    let from_ms = u64::from(sound.start_ms) + u64::from(sound.lead_ms.min(0).unsigned_abs());
    let silent_s = f64::from(sound.lead_ms.max(0)) / 1000.0;
    let from_s = from_ms as f64 / 1000.0;
    let length_s = f64::from(composer.edit.duration_ms()) / 1000.0 - silent_s;
    let (file, before_s) = composer.open(source.container, path.clone(), from_s, length_s);
    let mut filters = stereo(source.channels);
    let later_s = pictures_later_s(composer);
    filters.extend(begin_at(before_s - later_s));
    if silent_s > 0.0 {
        filters.extend(begin_at(-silent_s));
    }
    filters.extend(exactly(composer.samples));
    filters.extend(volume(sound.volume));
    Some(composer.graph.chain(&[Pad::Input { file, stream: source.index }], filters))
}

fn voices(composer: &mut Composer<'_>) -> Vec<Pad> {
    let list = composer.edit.list();
    let mut heard = Vec::new();
    for voice in list.voice_over.iter().filter(|voice| voice.volume > 0.0) {
        let Some((path, source)) = composer.sources.voices.get(&voice.source) else { continue };
        let from_s = f64::from(voice.start_ms) / 1000.0;
        let length_s = f64::from(voice.end_ms - voice.start_ms) / 1000.0;
        let (file, before_s) = composer.open(source.container, path.clone(), from_s, length_s);
        let mut filters = stereo(source.channels);
        filters.extend(begin_at(before_s));
        filters.push(filter("atrim").set("end_sample", sample_at(length_s)));
        if voice.at_ms > 0 {
            filters.extend(begin_at(-f64::from(voice.at_ms) / 1000.0));
        }
        filters.extend(exactly(composer.samples));
        filters.extend(volume(voice.volume));
        heard.push(composer.graph.chain(&[Pad::Input { file, stream: source.index }], filters));
    }
    heard
}
