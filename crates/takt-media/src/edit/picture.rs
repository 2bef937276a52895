//! The picture of a composition: cut, crop, fit, layout, look, texts, in this order.

use super::compose::{Cell, Composer, Cut, Input, cells, even};
use super::graph::{Filter, Pad, Value, filter};
use super::list::{Crop, Fit, LayoutKind, Look, Place, Text};
use super::text::Picture;
use crate::inspect::{Source, VideoSource};
use crate::plan::FrameRate;

/// The whole picture.
const WHOLE: Crop = Crop { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };

/// Everything seen, from first to last frame.
pub(super) fn compose(composer: &mut Composer<'_>, other: Option<Cut>, texts: &[Option<Picture>]) -> Pad {
    let (own_cell, other_cell) = cells(composer.edit);
    let mut parts = Vec::with_capacity(composer.pieces.len());
    for cut in composer.pieces.clone() {
        let segment = &composer.edit.list().segments[cut.piece.segment];
        let view = View {
            crop: segment.crop.unwrap_or(WHOLE),
            fit: segment.fit,
            cell: own_cell,
            speed: segment.speed,
            reverse: segment.reverse,
        };
        parts.extend(part(composer, &cut, &view));
    }
    let own = composer.concat(&parts, true);
    let mut shown = steady(composer, own);
    if let (Some(cut), Some(cell)) = (other, other_cell) {
        let fit = composer.edit.list().layout.fit;
        let view = View { crop: WHOLE, fit, cell, speed: 1.0, reverse: false };
        if let Some(seen) = part(composer, &cut, &view) {
            let seen = steady(composer, seen);
            shown = share(composer, shown, seen, cell);
        }
    }
    let look = composer.edit.list().look;
    if look != Look::None {
        shown = composer.graph.chain(&[shown], look_filters(look));
    }
    let list = composer.edit.list();
    for (number, (text, picture)) in list.texts.iter().zip(texts).enumerate() {
        if let Some(picture) = picture {
            shown = lay_text(composer, shown, number, text, picture);
        }
    }
    shown
}

/// How a source is seen.
struct View {
    crop: Crop,
    fit: Fit,
    cell: Cell,
    speed: f64,
    reverse: bool,
}

/// One piece, with exactly its number of frames.
fn part(composer: &mut Composer<'_>, cut: &Cut, view: &View) -> Option<Pad> {
    let source = composer.source(cut.clip)?;
    let piece = cut.piece;
    // Where the piece's first moment falls between two frames. Backwards, each frame's end counts instead of its beginning.
    let offset_s = if view.reverse {
        f64::from(piece.frames) / composer.rate.fps() - piece.length_s / view.speed - piece.offset_s
    } else {
        piece.offset_s + cut.settled.moved_s
    };
    let mut filters = Vec::new();
    if source.video.interlaced {
        filters.push(filter("bwdif").set("mode", "send_frame").set("deint", "interlaced"));
    }
    let retimed = Value::Retimed { scale: 1.0 / view.speed, offset_s: offset_s - cut.before_s / view.speed };
    filters.push(filter("setpts").set("expr", retimed));
    filters.push(frames(composer.rate).set("start_time", 0_u32));
    let crop = fit(source, view);
    if crop.is_none() && is_standard(&source.video, scaled_size(source, view)) {
        filters.push(filter("setsar").set("sar", 1_u32));
        filters.push(tagged());
    } else {
        filters.extend(crop);
        filters.extend(standard(&source.video, composer.abilities.tone_mapping, scaled_size(source, view)));
    }
    if view.fit == Fit::Contain {
        filters.extend(pad(scaled_size(source, view), view.cell));
    }
    // The last picture stands until the end where the source is shorter.
    filters.push(filter("tpad").set("stop", Value::Whole(-1)).set("stop_mode", "clone"));
    filters.push(filter("trim").set("end_frame", piece.frames));
    if view.reverse {
        filters.push(filter("reverse"));
    }
    filters.push(filter("setpts").set("expr", "PTS-STARTPTS"));
    let input = Pad::Input { file: cut.input, stream: source.video.index };
    Some(composer.graph.chain(&[input], filters))
}

fn frames(rate: FrameRate) -> Filter {
    filter("fps").set("fps", Value::Ratio(rate.frames, rate.seconds))
}

/// The same time base everywhere, one step a frame.
fn steady(composer: &mut Composer<'_>, pad: Pad) -> Pad {
    let rate = composer.rate;
    let base = filter("settb").set("expr", Value::Ratio(rate.seconds, rate.frames));
    composer.graph.chain(&[pad], [base, filter("setpts").set("expr", "N")])
}

/// The part of the source that is used, in fractions of its picture: with `cover`, narrowed to the cell's shape.
fn used(source: &Source, view: &View) -> Crop {
    let Crop { x, y, width, height } = view.crop;
    if view.fit == Fit::Contain {
        return view.crop;
    }
    let (across, down) = used_pixels(source, &view.crop);
    let wanted = f64::from(view.cell.width) / f64::from(view.cell.height);
    let shape = across / down;
    if shape > wanted {
        let narrowed = width * wanted / shape;
        Crop { x: x + (width - narrowed) / 2.0, y, width: narrowed, height }
    } else {
        let lowered = height * shape / wanted;
        Crop { x, y: y + (height - lowered) / 2.0, width, height: lowered }
    }
}

fn used_pixels(source: &Source, crop: &Crop) -> (f64, f64) {
    let (width, height) = (f64::from(source.video.width), f64::from(source.video.height));
    ((width * crop.width).max(1.0), (height * crop.height).max(1.0))
}

/// Size of the source's picture in its cell.
fn scaled_size(source: &Source, view: &View) -> (u32, u32) {
    if view.fit == Fit::Cover {
        return (view.cell.width, view.cell.height);
    }
    let (across, down) = used_pixels(source, &view.crop);
    let scale = (f64::from(view.cell.width) / across).min(f64::from(view.cell.height) / down);
    // Half a pixel more, so that exact fits are not rounded down by two.
    let side = |length: f64, most: u32| even(length * scale + 0.5).clamp(2, most.max(2));
    (side(across, view.cell.width), side(down, view.cell.height))
}

fn fit(source: &Source, view: &View) -> Option<Filter> {
    let crop = used(source, view);
    // Less than a pixel is rounding.
    let all = crop.width > 1.0 - 1.0 / f64::from(source.video.width)
        && crop.height > 1.0 - 1.0 / f64::from(source.video.height);
    (!all).then(|| {
        filter("crop")
            .set("w", Value::Times("iw", crop.width.min(1.0)))
            .set("h", Value::Times("ih", crop.height.min(1.0)))
            .set("x", Value::Times("iw", crop.x.max(0.0)))
            .set("y", Value::Times("ih", crop.y.max(0.0)))
    })
}

/// The picture is what [`standard`] would make of it: scaling it to itself would cost a tenth of the encoding.
fn is_standard(video: &VideoSource, size: (u32, u32)) -> bool {
    let stated = video.color_matrix == "bt709" || unstated_matrix(video) == "bt709";
    // Full range has pixel formats of its own.
    (video.width, video.height) == size
        && video.square_pixels
        && video.pixel_format == "yuv420p"
        && stated
        && !video.hdr
}

/// Any picture as one of standard range in BT.709, of the given size.
fn standard(video: &VideoSource, tone_mapping: bool, (width, height): (u32, u32)) -> Vec<Filter> {
    let scale = filter("scale").set("w", width).set("h", height);
    let mut filters = if video.hdr && tone_mapping {
        let linear = filter("zscale")
            .set("tin", if video.hdr_is_hlg { "arib-std-b67" } else { "smpte2084" })
            .set("min", "bt2020nc")
            .set("pin", "bt2020")
            .set("rin", "tv")
            .set("t", "linear")
            .set("npl", 100_u32);
        vec![
            scale,
            linear,
            filter("format").set("pix_fmts", "gbrpf32le"),
            filter("zscale").set("p", "bt709"),
            filter("tonemap").set("tonemap", "hable").set("desat", 0_u32),
            filter("zscale").set("t", "bt709").set("m", "bt709").set("p", "bt709").set("r", "tv"),
        ]
    } else {
        vec![
            scale
                .set("in_color_matrix", unstated_matrix(video))
                .set("out_color_matrix", "bt709")
                .set("out_range", "tv"),
        ]
    };
    filters.push(filter("format").set("pix_fmts", "yuv420p"));
    filters.push(filter("setsar").set("sar", 1_u32));
    filters.push(tagged());
    filters
}

fn tagged() -> Filter {
    filter("setparams")
        .set("range", "tv")
        .set("colorspace", "bt709")
        .set("color_primaries", "bt709")
        .set("color_trc", "bt709")
}

/// The matrix to assume, as players do: by size where the file says nothing.
fn unstated_matrix(video: &VideoSource) -> &'static str {
    let rgb = ["gbr", "rgb", "bgr", "argb", "abgr"].iter().any(|name| video.pixel_format.starts_with(name));
    match video.color_matrix.as_str() {
        "" | "reserved" if rgb => "auto",
        "" | "reserved" if video.coded_width.min(video.coded_height) < 720 => "smpte170m",
        "" | "reserved" => "bt709",
        _ => "auto",
    }
}

/// Black around a picture of the given size.
fn pad((width, height): (u32, u32), cell: Cell) -> Option<Filter> {
    ((width, height) != (cell.width, cell.height)).then(|| {
        filter("pad")
            .set("width", cell.width)
            .set("height", cell.height)
            .set("x", ((cell.width - width) / 2) & !1)
            .set("y", ((cell.height - height) / 2) & !1)
            .set("color", "black")
    })
}

/// One's own picture and the other's together.
fn share(composer: &mut Composer<'_>, own: Pad, other: Pad, cell: Cell) -> Pad {
    let layout = &composer.edit.list().layout;
    let pads =
        if matches!(layout.place, Some(Place::Left | Place::Top)) { [other, own] } else { [own, other] };
    let stack = match layout.kind {
        LayoutKind::SideBySide => filter("hstack"),
        LayoutKind::Stacked => filter("vstack"),
        LayoutKind::Single | LayoutKind::PictureInPicture => {
            let small = filter("overlay").set("x", cell.x).set("y", cell.y);
            return composer.graph.chain(&[own, other], [small]);
        }
    };
    composer.graph.chain(&pads, [stack])
}

/// A look is a sum over red, green and blue; the alpha of an opaque picture, which is one, carries the constant.
fn look_filters(look: Look) -> Vec<Filter> {
    const NAMES: [[&str; 4]; 3] =
        [["rr", "rg", "rb", "ra"], ["gr", "gg", "gb", "ga"], ["br", "bg", "bb", "ba"]];
    let mut mixer = filter("colorchannelmixer");
    for (names, weights) in NAMES.into_iter().zip(look.matrix().unwrap_or_default()) {
        for (name, weight) in names.into_iter().zip(weights) {
            mixer = mixer.set(name, weight);
        }
    }
    vec![
        filter("scale").set("in_color_matrix", "bt709").set("in_range", "tv"),
        filter("format").set("pix_fmts", "rgba"),
        mixer,
        filter("scale").set("out_color_matrix", "bt709").set("out_range", "tv"),
        filter("format").set("pix_fmts", "yuv420p"),
        tagged(),
    ]
}

fn lay_text(composer: &mut Composer<'_>, under: Pad, number: usize, text: &Text, picture: &Picture) -> Pad {
    composer.inputs.push(Input::Text(number));
    let input = Pad::Input { file: composer.inputs.len() - 1, stream: 0 };
    // Said explicitly: by itself FFmpeg would convert by BT.601.
    let matrix = filter("scale").set("out_color_matrix", "bt709").set("out_range", "tv");
    let letters = composer.graph.chain(&[input], [matrix, filter("format").set("pix_fmts", "yuva420p")]);
    let overlay = filter("overlay")
        .set("x", Value::Whole(picture.x.into()))
        .set("y", Value::Whole(picture.y.into()))
        .set("enable", Value::During { from_ms: text.from_ms, to_ms: text.to_ms });
    composer.graph.chain(&[under, letters], [overlay])
}
