//! Everything a phone or a browser hands over comes out upright, even, in standard range, and without its metadata.

use std::path::Path;

use takt_media::{AudioPlan, First, Limits};

use crate::harness::{Case, Done, Picture, corners, ffmpeg, probe, samples};

const UPRIGHT: [&str; 4] = ["red", "green", "blue", "yellow"];
const X264: &str = "-c:v libx264 -preset ultrafast";

/// Writes a display matrix into the first track header (ISO/IEC 14496-12, 8.3.2).
fn set_matrix(bytes: &mut [u8], [a, b, c, d]: [i32; 4]) {
    let at = bytes.windows(4).position(|window| window == b"tkhd").unwrap();
    // Version and flags, times, id, reserved, duration, reserved, layer, group, volume, reserved: 40 bytes.
    for (offset, value) in [(0, a), (4, b), (12, c), (16, d)] {
        let from = at + 4 + 40 + offset;
        bytes[from..from + 4].copy_from_slice(&(value * 65536).to_be_bytes());
    }
}

/// Where the matrix puts the corners of the stored picture: `(x, y)` goes to `(a x + c y, b x + d y)`.
fn turned([a, b, c, d]: [i32; 4]) -> [&'static str; 4] {
    let mut shown = [""; 4];
    for (color, (x, y)) in UPRIGHT.into_iter().zip([(-1, -1), (1, -1), (-1, 1), (1, 1)]) {
        let (across, down) = (a * x + c * y, b * x + d * y);
        shown[usize::from(down > 0) * 2 + usize::from(across > 0)] = color;
    }
    shown
}

fn every_picture(done: &Done) -> impl Iterator<Item = (&Path, (u32, u32))> {
    let renditions = std::iter::once(&done.first).chain(&done.further);
    let posters = (done.poster.path.as_path(), (done.poster.width, done.poster.height));
    renditions.map(|made| (made.path.as_path(), (made.width, made.height))).chain([posters])
}

#[track_caller]
fn check_corners(done: &Done, expected: [&str; 4]) {
    for (path, size) in every_picture(done) {
        assert_eq!(Picture::of(path, 0.0, size).corners(), expected, "{}", path.display());
    }
}

#[track_caller]
fn check_standard(done: &Done) {
    for made in std::iter::once(&done.first).chain(&done.further) {
        let said = probe(
            &made.path,
            "stream=pix_fmt,sample_aspect_ratio,field_order:stream_side_data=rotation:format_tags",
        );
        assert_eq!(said[..3], ["1:1", "yuv420p", "progressive"], "{said:?} in {}", made.path.display());
        assert!(made.width.is_multiple_of(2) && made.height.is_multiple_of(2));
        assert!(made.codec.starts_with("avc1."), "{}", made.codec);
        assert_eq!(made.has_audio, made.codec.ends_with(",mp4a.40.2"), "{}", made.codec);
    }
}

/// Small rungs, so that small sources give all renditions.
fn small(mut case: Case) -> Case {
    case.settings.first.edge = 144;
    for (rung, edge) in case.settings.further.iter_mut().zip([180, 96]) {
        rung.edge = edge;
    }
    case
}

#[test]
fn every_turn_and_mirror_comes_out_upright() {
    let source = format!("-f lavfi -i {} {X264} -pix_fmt yuv420p", corners(320, 180, 10, 1));
    for matrix in [
        [1, 0, 0, 1],
        [0, 1, -1, 0],
        [-1, 0, 0, -1],
        [0, -1, 1, 0],
        [-1, 0, 0, 1],
        [1, 0, 0, -1],
        [0, 1, 1, 0],
        [0, -1, -1, 0],
    ] {
        let case = small(Case::made(&source, "turned.mp4").edit(|bytes| set_matrix(bytes, matrix)));
        let done = case.run().unwrap();
        check_corners(&done, turned(matrix));
        check_standard(&done);
        let portrait = matrix[0] == 0;
        assert_eq!(done.first.height > done.first.width, portrait, "{matrix:?}");
        assert_eq!(matches!(done.plan.first, First::Copy(_)), matrix == [1, 0, 0, 1], "{matrix:?}");
    }
}

#[test]
fn odd_pixel_formats_become_plain() {
    for (format, codec, name) in [
        ("yuv444p", X264, "a.mp4"),
        ("yuv422p10le", X264, "a.mkv"),
        ("yuvj420p", X264, "a.mp4"),
        ("gbrp", "-c:v libx264rgb -preset ultrafast", "a.mp4"),
        ("yuva420p", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "a.webm"),
        ("yuva444p10le", "-c:v prores_ks", "a.mov"),
        ("yuv420p10le", "-c:v libx265 -preset ultrafast -x265-params log-level=none", "a.mp4"),
        ("yuvj422p", "-c:v mjpeg", "a.avi"),
        ("yuv420p", "-c:v libsvtav1 -preset 12", "a.mkv"),
    ] {
        let source = format!("-f lavfi -i {} -pix_fmt {format} {codec}", corners(320, 180, 10, 1));
        let done = small(Case::made(&source, name)).run().unwrap();
        check_corners(&done, UPRIGHT);
        check_standard(&done);
    }
}

#[test]
fn full_range_keeps_black_black_and_white_white() {
    for format in ["yuvj420p", "yuv420p", "gbrp"] {
        let bars =
            "-f lavfi -i color=c=black:s=320x180:r=10:d=1,format=rgb24,drawbox=160:0:160:180:white:fill";
        let codec = if format == "gbrp" { "libx264rgb" } else { "libx264" };
        let mut case = Case::made(&format!("{bars} -pix_fmt {format} -c:v {codec}"), "a.mp4");
        case.settings.fast_path.edge_max = 0;
        let done = case.run().unwrap();
        for (path, size) in every_picture(&done) {
            let picture = Picture::of(path, 0.0, size);
            let (black, white) = (picture.at(0.2, 0.5), picture.at(0.8, 0.5));
            assert!(
                black.iter().all(|value| *value < 8) && white.iter().all(|value| *value > 247),
                "{format} {black:?} {white:?}"
            );
        }
    }
}

#[test]
fn colours_survive_whatever_matrix_the_source_states() {
    // A colour that moves by more than 20 when matrices are mixed up.
    for (matrix, size) in
        [("bt709", "320x180"), ("smpte170m", "320x180"), ("bt470bg", "320x180"), ("bt709", "1280x720")]
    {
        let fill = format!("-f lavfi -i color=c=0x20C040:s={size}:r=10:d=1,format=gbrp");
        let convert =
            format!("-vf scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p -colorspace {matrix}");
        let mut case = Case::made(&format!("{fill} {convert} {X264}"), "a.mp4");
        case.settings.fast_path.edge_max = 0;
        let done = case.run().unwrap();
        for (path, shown) in every_picture(&done) {
            let [red, green, blue] = Picture::of(path, 0.0, shown).at(0.5, 0.5);
            let off = red.abs_diff(0x20).max(green.abs_diff(0xC0)).max(blue.abs_diff(0x40));
            assert!(off <= 8, "{matrix} {size}: {red} {green} {blue} in {}", path.display());
        }
    }
}

#[test]
fn hdr_becomes_standard_range() {
    for transfer in ["smpte2084", "arib-std-b67"] {
        // Three bars, given as code values of a 10 bit signal: dark, middle (about 100 nits in PQ), bright.
        let bars = "color=c=black:s=192x128:r=10:d=1,format=yuv420p10le,geq=lum='if(lt(X\\,64)\\,64\\,if(lt(X\\,128)\\,500\\,760))':cb=512:cr=512";
        let bars =
            format!("{bars},setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc");
        let tags = format!("-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc");
        let x265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none";
        let mut case = Case::made(&format!("-f lavfi -i {bars} {x265} {tags}"), "hdr.mp4");
        case.settings.further[1].edge = 64;
        case.settings.first.edge = 96;
        let done = case.run().unwrap();
        assert!(done.source.video.hdr);
        check_standard(&done);
        for (path, size) in every_picture(&done) {
            let picture = Picture::of(path, 0.0, size);
            let [dark, middle, bright] = [0.16, 0.5, 0.84].map(|across| picture.at(across, 0.5)[1]);
            assert!(
                dark < 20 && (70..=215).contains(&middle) && bright > 170 && bright > middle + 20,
                "{transfer}: {dark} {middle} {bright} in {}",
                path.display()
            );
        }
        assert_eq!(probe(&done.first.path, "stream=color_transfer"), ["bt709"]);
    }
}

#[test]
fn odd_sizes_become_even_and_nothing_grows() {
    let source = format!("-f lavfi -i {} -pix_fmt yuv444p {X264}", corners(321, 181, 10, 1));
    let done = Case::made(&source, "odd.mp4").run().unwrap();
    assert_eq!((done.first.width, done.first.height), (320, 180));
    assert!(done.further.is_empty());
    check_standard(&done);
    check_corners(&done, UPRIGHT);
}

#[test]
fn pixels_become_square() {
    let source = format!("-f lavfi -i {},setsar=2/1 -pix_fmt yuv420p {X264}", corners(160, 180, 10, 1));
    let done = small(Case::made(&source, "wide.mp4")).run().unwrap();
    assert_eq!((done.first.width, done.first.height), (256, 144));
    check_standard(&done);
    check_corners(&done, UPRIGHT);
    // Turned as well: the stretch is along what is shown as height.
    let turned_too = small(Case::made(&source, "tall.mp4").edit(|bytes| {
        // The reader takes the shape of pixels from the matrix when there is one; what counts is the shape shown.
        set_matrix(bytes, [0, 1, -1, 0]);
    }));
    let done = turned_too.run().unwrap();
    assert_eq!((done.first.width, done.first.height), (144, 256));
    check_corners(&done, turned([0, 1, -1, 0]));
}

#[test]
fn the_ladder_of_a_large_source() {
    let source = "-f lavfi -i testsrc2=s=1080x1920:r=60:d=1.2 -f lavfi -i sine=d=1.2";
    let done = Case::made(&format!("{source} {X264} -pix_fmt yuv420p -c:a aac"), "a.mov").run().unwrap();
    let sizes = |made: &takt_media::Rendition| (made.width, made.height, made.fps.round() as u32);
    assert_eq!(sizes(&done.first), (540, 960, 30));
    assert_eq!(done.further.iter().map(sizes).collect::<Vec<_>>(), [(720, 1280, 60), (360, 640, 30)]);
    check_standard(&done);
    assert!(done.progress.windows(2).all(|pair| pair[0] <= pair[1]) && done.progress.last() == Some(&1.0));
    for made in std::iter::once(&done.first).chain(&done.further) {
        assert!(made.duration_ms.abs_diff(1200) < 60 && made.has_audio, "{made:?}");
        let keys = probe(&made.path, "packet=flags");
        assert!(keys[0].starts_with('K'));
    }
}

#[test]
fn what_fits_is_copied_bit_for_bit_without_its_metadata() {
    let tags = "-metadata title=SECRETTITLE -metadata comment=SECRETCOMMENT -metadata location=+48.1+011.5/ \
                -metadata:s:v handler_name=SECRETHANDLER -metadata:s:a title=SECRETSTREAM -movflags use_metadata_tags";
    let inputs = "-f lavfi -i testsrc2=s=180x320:r=30:d=2 -f lavfi -i sine=d=2";
    let case = Case::made(&format!("{inputs} {X264} -pix_fmt yuv420p -g 30 -c:a aac {tags}"), "a.mp4");
    let upload = std::fs::read(&case.source).unwrap();
    assert!(upload.windows(6).filter(|window| window == b"SECRET").count() >= 4);
    let case = case.edit(|bytes| bytes.extend_from_slice(b"<html>SECRETPOLYGLOT</html>"));
    let done = case.run().unwrap();
    assert_eq!(done.plan.first, First::Copy(AudioPlan::Copy));
    let made = std::fs::read(&done.first.path).unwrap();
    assert!(!made.windows(6).any(|window| window == b"SECRET"));
    assert!(!made.windows(7).any(|window| window == b"+48.1+0"));
    let picture = |path: &Path| {
        let hash = path.with_extension("hash");
        ffmpeg(&format!(
            "-i {} -map 0:v -c copy -bsf:v h264_mp4toannexb -f hash {}",
            path.display(),
            hash.display()
        ));
        std::fs::read(hash).unwrap()
    };
    assert_eq!(picture(&case.source), picture(&done.first.path));
    // A sine of -21 LUFS is levelled in the second stage.
    assert!(done.further[0].replaces_first && done.further[0].gain_db > 3.0, "{:?}", done.further);
}

#[test]
fn sound_of_any_shape() {
    for (sound, name, silent) in [
        ("-f lavfi -i sine=d=2:r=16000 -c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k", "amr.3gp", false),
        ("-f lavfi -i sine=d=2 -c:a aac -ac 1", "mono.mp4", false),
        ("-f lavfi -i sine=d=2 -filter:a pan=5.1|FC=c0|FL=c0 -c:a aac", "surround.mp4", false),
        ("-f lavfi -i sine=d=2 -c:a pcm_s24le", "pcm.mov", false),
        ("-f lavfi -i sine=d=2 -c:a flac", "flac.mkv", false),
        ("-f lavfi -i anullsrc=d=2 -c:a aac", "silent.mp4", true),
    ] {
        let video = format!("-f lavfi -i testsrc2=s=176x144:r=15:d=2 {sound} -map 0:v -map 1:a");
        let codec =
            if sound.contains("amrnb") { "-c:v h263".to_owned() } else { format!("{X264} -pix_fmt yuv420p") };
        let video = if sound.contains("amrnb") {
            video.replace("libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k", "aac -ar 8000 -ac 1")
        } else {
            video
        };
        let done = Case::made(&format!("{video} {codec}"), name).run().unwrap();
        check_standard(&done);
        assert!(done.first.has_audio, "{name}");
        let heard = done.first.sound.as_ref().unwrap();
        assert_eq!(heard.digest.is_none(), silent, "{name}: {heard:?}");
        let last = done.further.iter().find(|made| made.replaces_first).unwrap_or(&done.first);
        let peak = samples(&last.path).into_iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert_eq!(peak < 0.01, silent, "{name}: peak {peak}");
        assert!(peak < 0.99, "{name}: peak {peak}");
    }
}

#[test]
fn no_sound_is_fine() {
    let done =
        Case::made(&format!("-f lavfi -i testsrc2=s=160x288:r=30:d=1.5 {X264} -pix_fmt yuv420p"), "a.mp4")
            .run()
            .unwrap();
    assert!(!done.first.has_audio && done.first.sound.is_none());
    assert_eq!(done.first.codec.split(',').count(), 1);
}

#[test]
fn quiet_and_loud_end_up_equally_loud() {
    for volume in ["0.4", "0.9"] {
        let inputs = "-f lavfi -i testsrc2=s=160x288:r=10:d=4 -f lavfi -i anoisesrc=d=4:r=48000:c=pink";
        let case =
            Case::made(&format!("{inputs} -af volume={volume} {X264} -pix_fmt yuv444p -c:a aac"), "a.mp4");
        let done = case.run().unwrap();
        let levelled = Case::at(done.first.path.clone()).run().unwrap();
        let lufs = levelled.first.sound.unwrap().loudness.unwrap().lufs;
        assert!((lufs + 14.0).abs() < 1.5, "{volume}: {lufs}");
    }
}

#[test]
fn the_same_sound_has_the_same_digest_in_another_video() {
    let sound = Case::made("-f lavfi -i sine=f=440:d=2 -c:a aac", "sound.m4a");
    let with = |pattern: &str, name: &str| {
        let inputs = format!("-f lavfi -i {pattern}=s=160x288:r=10:d=2 -i {}", sound.source.display());
        Case::made(&format!("{inputs} -c:a copy {X264} -pix_fmt yuv420p"), name)
            .run()
            .unwrap()
            .first
            .sound
            .unwrap()
            .digest
    };
    let (one, other) = (with("testsrc2", "a.mp4"), with("testsrc", "b.mkv"));
    assert!(one.is_some());
    assert_eq!(one, other);
}

#[test]
fn what_runs_a_little_over_is_cut() {
    let inputs = "-f lavfi -i testsrc2=s=160x288:r=30:d=3.3 -f lavfi -i sine=d=3.3";
    for edge_max in [720, 0] {
        let mut case = Case::made(&format!("{inputs} {X264} -pix_fmt yuv420p -c:a aac -g 30"), "a.mp4");
        case.limits = Limits { duration_max_ms: 3_000, ..Limits::default() };
        case.settings.fast_path.edge_max = edge_max;
        let done = case.run().unwrap();
        assert!(done.first.duration_ms.abs_diff(3_000) < 60, "{}", done.first.duration_ms);
    }
}

#[test]
fn a_few_frames_a_second_stay_watchable() {
    let done =
        Case::made(&format!("-f lavfi -i testsrc2=s=160x288:r=5:d=3 {X264} -pix_fmt yuv444p"), "a.mp4")
            .run()
            .unwrap();
    assert!(
        (done.first.fps - 5.0).abs() < 0.1 && done.first.duration_ms.abs_diff(3_000) < 250,
        "{:?}",
        done.first
    );
}

#[test]
fn further_renditions_do_not_need_the_first_file() {
    let inputs = "-f lavfi -i testsrc2=s=160x288:r=10:d=2 -f lavfi -i sine=d=2";
    let case = small(Case::made(&format!("{inputs} {X264} -pix_fmt yuv444p -c:a aac"), "a.mp4"));
    let done = case.run().unwrap();
    std::fs::remove_file(&done.first.path).unwrap();
    let dir = case.job_dir();
    let job = takt_media::Job {
        tools: crate::harness::tools(),
        limits: &case.limits,
        dir: &dir,
        source: &case.source,
    };
    let again = crate::harness::runtime()
        .block_on(takt_media::further_renditions(&job, &done.source, &done.plan, &done.first, |_| {}))
        .unwrap();
    assert_eq!(again.len(), done.further.len());
    assert!(again.iter().all(|made| made.has_audio));
}
