//! Bad input: every file here is made to do harm or is damaged. Each gets its own code, or a correct video where the
//! content can be saved, and nothing outside is read.

use std::net::TcpListener;
use std::path::Path;

use takt_media::{Error, Failure, Limits};

use crate::harness::{Case, ffmpeg, tools};

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const CLIP: &str = "-f lavfi -i testsrc2=s=160x288:r=25:d=4 -f lavfi -i sine=d=4";

fn clip(extra: &str, name: &str) -> Case {
    Case::made(&format!("{CLIP} {X264} -g 25 -c:a aac {extra}"), name)
}

#[test]
fn nothing_and_nonsense() {
    assert_eq!(Case::bytes(b"").failure(), "empty_file");
    assert_eq!(Case::bytes(b"Dear diary,\nthis is no video.\n").failure(), "not_a_video");
    assert_eq!(Case::bytes(&[7; 100_000]).failure(), "not_a_video");
    assert_eq!(Case::bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").failure(), "truncated");
    // The right beginning and rubbish behind it, for every container.
    for magic in
        [&b"\x1A\x45\xDF\xA3"[..], b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x10ftypisom\0\0\0\0\0\0\x10\0moov"]
    {
        let mut bytes = magic.to_vec();
        bytes.extend((0..20_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8));
        let code = Case::bytes(&bytes).failure();
        assert!(["broken_video", "no_video_stream", "truncated"].contains(&code), "{magic:?}: {code}");
    }
    let packets: Vec<u8> =
        (0..2000_u32).flat_map(|number| std::iter::once(0x47).chain([(number % 251) as u8; 187])).collect();
    let code = Case::bytes(&packets).failure();
    assert!(["broken_video", "no_video_stream"].contains(&code), "{code}");
}

#[test]
fn pictures_and_sounds_renamed() {
    let lavfi = "-f lavfi -i testsrc2=s=160x288";
    for (args, written) in
        [("-frames:v 1", "a.png"), ("-frames:v 1", "a.jpg"), ("-frames:v 1 -c:v libwebp", "a.webp")]
    {
        assert_eq!(Case::made(&format!("{lavfi} {args}"), written).failure(), "not_a_video", "{written}");
    }
    let sound = "-f lavfi -i sine=d=3";
    for (args, written, code) in [
        ("-c:a libmp3lame", "a.mp3", "not_a_video"),
        ("-c:a pcm_s16le", "a.wav", "not_a_video"),
        ("-c:a flac", "a.flac", "not_a_video"),
        ("-c:a libvorbis", "a.ogg", "unsupported_format"),
        ("-c:a aac", "a.mp4", "no_video_stream"),
        ("-c:a libopus", "a.webm", "no_video_stream"),
    ] {
        assert_eq!(Case::made(&format!("{sound} {args}"), written).failure(), code, "{written}");
    }
    assert_eq!(Case::made(&format!("{lavfi}:d=2 -c:v flv"), "a.flv").failure(), "unsupported_format");
    assert_eq!(Case::made(&format!("{lavfi}:d=2 -c:v ffv1"), "a.mkv").failure(), "unsupported_format");
}

#[test]
fn cut_off_with_the_index_in_front_is_saved_as_far_as_it_goes() {
    let half = |name: &str, extra: &str| clip(extra, name).edit(|bytes| bytes.truncate(bytes.len() / 2));
    for case in [
        half("a.mp4", "-movflags +faststart"),
        half("a.mkv", ""),
        half("a.ts", ""),
        half("a.mp4", "-movflags +frag_keyframe+empty_moov"),
    ] {
        let done = case.run().unwrap();
        assert!(
            (1_000..3_900).contains(&done.first.duration_ms),
            "{:?}: {}",
            case.source,
            done.first.duration_ms
        );
        // Nothing of a damaged file is taken over unseen.
        assert_eq!(
            done.source.truncated,
            done.source.container != takt_media::Container::Matroska
                && done.source.container != takt_media::Container::MpegTs
        );
    }
}

#[test]
fn cut_off_beyond_rescue() {
    assert_eq!(clip("", "a.mp4").edit(|bytes| bytes.truncate(bytes.len() / 2)).failure(), "truncated");
    assert_eq!(
        clip("-movflags +faststart", "a.mp4").edit(|bytes| bytes.truncate(bytes.len() / 8)).failure(),
        "truncated"
    );
    assert_eq!(
        clip("-movflags +faststart", "a.mp4").edit(|bytes| bytes.truncate(900)).failure(),
        "truncated"
    );
}

#[test]
fn an_index_that_was_cut_out() {
    let no_index = clip("-movflags +faststart", "a.mp4").edit(|bytes| {
        let at = bytes.windows(4).position(|window| window == b"moov").unwrap();
        bytes[at..at + 4].copy_from_slice(b"free");
    });
    assert_eq!(no_index.failure(), "truncated");
}

/// Writes a duration of about 1000 hours, or of nothing, into the headers that state one.
fn lie(bytes: &mut [u8], units: u32) {
    for (name, offset) in [(b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)] {
        let places: Vec<usize> =
            bytes.windows(4).enumerate().filter(|(_, window)| window == name).map(|(at, _)| at).collect();
        for at in places {
            bytes[at + 4 + offset..at + 8 + offset].copy_from_slice(&units.to_be_bytes());
        }
    }
}

#[test]
fn a_lying_duration_is_not_believed() {
    for units in [3_600_000_000, 1, 0] {
        let done = clip("", "a.mp4").edit(|bytes| lie(bytes, units)).run().unwrap();
        assert!(done.source.duration_ms.abs_diff(4_000) < 100, "{units}: {}", done.source.duration_ms);
        assert!(done.first.duration_ms.abs_diff(4_000) < 100, "{units}: {}", done.first.duration_ms);
    }
    // And the other way round: longer than allowed, said to be short.
    let mut long = clip("", "a.mp4").edit(|bytes| lie(bytes, 1_000));
    long.limits = Limits { duration_max_ms: 2_000, ..Limits::default() };
    assert_eq!(long.failure(), "too_long");
    // WebM states its length once; a browser's recorder leaves it out.
    let live = Case::made(&format!("{CLIP} -c:v libvpx -deadline realtime -c:a libopus -live 1"), "a.webm");
    assert!(live.run().unwrap().first.duration_ms.abs_diff(4_000) < 100);
}

#[test]
fn many_streams() {
    let ten: String = (0..10).map(|_| " -map 1:a").collect();
    let case = clip(&format!("-map 0:v{ten}"), "ten.mp4");
    let done = case.run().unwrap();
    assert!(done.first.has_audio);
    let thirteen: String = (0..13).map(|_| " -map 1:a").collect();
    let case = clip(&format!("-map 0:v{thirteen}"), "thirteen.mp4");
    let Err(Error::Rejected(failure)) = case.run() else { panic!("taken") };
    assert_eq!(failure, Failure::TooManyStreams { streams: 14, limit_streams: 12 });
}

#[test]
fn subtitles_chapters_and_attachments_are_left_out() {
    let side = Case::bytes(b"1\n00:00:00,000 --> 00:00:03,000\nSECRET subtitle\n");
    let chapters =
        Case::bytes(b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=SECRET chapter\n");
    let (side, chapters) = (side.source.display(), chapters.source.display());
    let inputs = format!("-f srt -i {side} -f ffmetadata -i {chapters}");
    for (codec, name) in [("-c:s mov_text", "a.mp4"), ("-c:s srt", "a.mkv")] {
        let attach = if name == "a.mkv" {
            format!("-attach {side} -metadata:s:t mimetype=text/plain")
        } else {
            String::new()
        };
        let args = format!(
            "{CLIP} {inputs} -map 0:v -map 1:a -map 2:s -map_chapters 3 {X264} -g 25 -c:a aac {codec} {attach}"
        );
        let case = Case::made(&args, name);
        let done = case.run().unwrap();
        for made in std::iter::once(&done.first).chain(&done.further) {
            let bytes = std::fs::read(&made.path).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"SECRET"), "{name}");
            assert_eq!(crate::harness::probe(&made.path, "stream=codec_type"), ["video", "audio"]);
        }
    }
}

#[test]
fn cover_art_before_the_picture() {
    let cover = Case::made("-f lavfi -i color=c=red:s=600x600 -frames:v 1", "cover.png");
    let cover = cover.source.display();
    // Declared as a cover, and not declared at all.
    for disposition in ["-disposition:v:0 attached_pic", ""] {
        let args = format!(
            "{CLIP} -i {cover} -map 2:v -map 0:v -map 1:a -c:v:0 mjpeg -c:v:1 libx264 -preset:v:1 ultrafast -pix_fmt:v:1 yuv420p -c:a aac {disposition}"
        );
        let done = Case::made(&args, "a.mp4").run().unwrap();
        assert_eq!((done.first.width, done.first.height), (160, 288), "{disposition:?}");
        let only =
            format!("-f lavfi -i sine=d=4 -i {cover} -map 1:v -map 0:a -c:v mjpeg -c:a aac {disposition}");
        assert_eq!(Case::made(&only, "b.mp4").failure(), "no_video_stream", "{disposition:?}");
    }
}

#[test]
fn frames_of_sixteen_thousand_pixels() {
    // x264 stops at 16384; a grey frame of this size fits in a few hundred kilobytes.
    let case = Case::made(
        "-f lavfi -i color=c=gray:s=16000x16000:r=2 -frames:v 2 -c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p",
        "huge.mp4",
    );
    let Err(Error::Rejected(failure)) = case.run() else { panic!("taken") };
    assert_eq!(failure.code(), "too_many_pixels");
    assert!(failure.message().contains("16000 by 16000") && failure.message().contains("4096"), "{failure}");
}

#[test]
fn small_header_large_frames() {
    // The container says 160x288; the pictures inside are larger. What is decoded counts.
    let case = Case::made(
        "-f lavfi -i testsrc2=s=1280x2304:r=25:d=1.2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        "a.mp4",
    );
    let case = case.edit(|bytes| {
        let at = bytes.windows(4).position(|window| window == b"avc1").unwrap();
        let entry =
            bytes[at + 4..].windows(4).position(|window| window == b"avc1").map_or(at, |next| at + 4 + next);
        bytes[entry + 28..entry + 32].copy_from_slice(&[0, 160, 1, 32]);
    });
    match case.run() {
        Ok(done) => assert_eq!((done.first.width, done.first.height), (540, 972)),
        Err(Error::Rejected(failure)) => assert_eq!(failure.code(), "broken_video"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn shapes_outside_the_limits() {
    let shape = |size: &str| {
        Case::made(&format!("-f lavfi -i testsrc2=s={size}:r=10:d=1.5 {X264}"), "a.mp4").failure()
    };
    assert_eq!(shape("48x96"), "too_few_pixels");
    assert_eq!(shape("64x272"), "bad_aspect");
    assert_eq!(shape("64x256"), "ready");
    let anamorphic = format!("-f lavfi -i testsrc2=s=160x160:r=10:d=1.5,setsar=5/1 {X264}");
    assert_eq!(Case::made(&anamorphic, "a.mp4").failure(), "bad_aspect");
}

#[test]
fn a_bomb_of_frames() {
    let thousand = Case::made(
        "-f lavfi -i color=s=64x64:r=1000:d=3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        "a.mp4",
    );
    let Err(Error::Rejected(failure)) = thousand.run() else { panic!("taken") };
    assert_eq!(failure, Failure::FrameRateTooHigh { fps: 1000, limit_fps: 120 });
    // So many that counting is cut short.
    let mut cut = thousand;
    cut.limits.packets_max = 1_000;
    assert_eq!(cut.failure(), "frame_rate_too_high");
}

#[test]
fn lengths_outside_the_limits() {
    let of = |seconds: &str| format!("-f lavfi -i color=s=64x64:r=10:d={seconds} {X264}");
    let Err(Error::Rejected(failure)) = Case::made(&of("74"), "a.mp4").run() else { panic!("taken") };
    assert_eq!(failure.message(), "This clip is 74 s long; Takt takes up to 60 s.");
    let Err(Error::Rejected(failure)) = Case::made(&of("0.5"), "a.mp4").run() else { panic!("taken") };
    assert_eq!(failure.message(), "This clip is 0.5 s long; Takt takes clips from 1 s.");
    assert_eq!(Case::made(&of("900"), "a.mkv").failure(), "too_long");
    let mut big = clip("", "a.mp4");
    big.limits.bytes_max = 1_000;
    assert_eq!(big.failure(), "too_big");
}

#[test]
fn damage_inside() {
    let noise = |from: usize, every: usize| {
        move |bytes: &mut Vec<u8>| {
            for at in (from..bytes.len()).step_by(every) {
                bytes[at] = bytes[at].wrapping_add(0x55);
            }
        }
    };
    // Some damage is hidden by the decoder; a file that is nothing but damage is refused.
    let case = clip("-movflags +faststart", "a.mp4").edit(noise(60_000, 5_000));
    assert!(["ready", "broken_video"].contains(&case.failure()));
    let rotten = clip("", "a.mp4").edit(|bytes| {
        let from = bytes.windows(4).position(|window| window == b"mdat").unwrap() + 4;
        let to = bytes.windows(4).rposition(|window| window == b"moov").unwrap() - 4;
        bytes[from..to].fill(0xA5);
    });
    assert_eq!(rotten.failure(), "broken_video");
}

/// What must not be read: another upload, in the same folder and with a known name.
fn neighbour(case: &Case) -> String {
    let path = case.source.with_file_name("other.mp4");
    ffmpeg(&format!("{CLIP} {X264} -c:a aac {}", path.display()));
    path.display().to_string()
}

#[test]
fn playlists_and_scripts_read_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/x.mp4", listener.local_addr().unwrap());
    let probe = Case::bytes(b"x");
    let neighbour = neighbour(&probe);
    for target in ["other.mp4", neighbour.as_str(), "/etc/passwd", "file:///etc/passwd", address.as_str()] {
        for text in [
            format!("ffconcat version 1.0\nfile '{target}'\n"),
            format!(
                "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"
            ),
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT4S\"><Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
            ),
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:{target}\n"
            ),
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"><image xlink:href=\"{target}\"/></svg>"
            ),
            format!("concat:{target}|{target}"),
            format!("subfile,,start,0,end,0,,:{target}"),
        ] {
            let case = Case { source: probe.source.with_file_name("upload.mp4"), ..Case::bytes(b"") };
            std::fs::write(&case.source, &text).unwrap();
            assert_eq!(case.failure(), "not_a_video", "{text}");
            // Behind the first bytes of a real container, so that FFmpeg itself gets to see it.
            let mut disguised = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08moov".to_vec();
            disguised.extend_from_slice(text.as_bytes());
            std::fs::write(&case.source, &disguised).unwrap();
            assert_ne!(case.failure(), "ready", "{text}");
        }
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// A real MP4 whose media are said to lie in another file (`dref` with `alis` or `url `).
#[test]
fn media_in_another_file_are_not_fetched() {
    let case = clip("-movflags +faststart", "a.mp4");
    let neighbour = neighbour(&case);
    for kind in [b"url ", b"alis"] {
        let mut bytes = std::fs::read(&case.source).unwrap();
        let at = bytes.windows(4).position(|window| window == b"url ").unwrap();
        bytes[at..at + 4].copy_from_slice(kind);
        // Flags: the media are elsewhere.
        bytes[at + 7] = 0;
        let path = neighbour.as_bytes();
        let end = (at + 8 + path.len()).min(bytes.len());
        bytes[at + 8..end].copy_from_slice(&path[..end - at - 8]);
        let referring = Case::bytes(&bytes);
        if let Ok(done) = referring.run() {
            // FFmpeg took the media from the file itself.
            assert!(done.source.bytes == bytes.len() as u64);
        }
    }
}

#[test]
fn a_file_that_is_two_things_at_once() {
    // A page in a leading box, a video behind it: what is published holds the video only.
    let page = b"<html><script>alert('SECRET')</script></html>";
    let case = clip("-movflags +faststart", "a.mp4").edit(|bytes| {
        let mut free = u32::try_from(page.len() + 8).unwrap().to_be_bytes().to_vec();
        free.extend_from_slice(b"free");
        free.extend_from_slice(page);
        free.append(bytes);
        *bytes = free;
    });
    match case.run() {
        Ok(done) => {
            let made = std::fs::read(&done.first.path).unwrap();
            assert!(!made.windows(6).any(|window| window == b"SECRET"));
        }
        Err(error) => assert!(matches!(error, Error::Rejected(_)), "{error}"),
    }
    // A ZIP archive behind the video's end.
    let zipped = clip("-movflags +faststart", "b.mp4")
        .edit(|bytes| bytes.extend_from_slice(b"PK\x03\x04SECRET.txtPK\x05\x06"));
    let done = zipped.run().unwrap();
    let made = std::fs::read(&done.first.path).unwrap();
    assert!(!made.windows(6).any(|window| window == b"SECRET"));
}

#[test]
fn an_encode_that_needs_too_much() {
    let mut case = Case::made(
        "-f lavfi -i testsrc2=s=2560x1440:r=30:d=1.2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        "a.mp4",
    );
    case.limits.encode_memory_bytes = 320 << 20;
    // Not every version of FFmpeg says that memory was what it lacked.
    assert!(["out_of_memory", "broken_video"].contains(&case.failure()));
    case.limits = Limits { time_factor: 0.0, ..Limits::default() };
    // A thirtieth of the usual time, 3 s at least, is enough for so short a clip on any machine.
    assert!(["ready", "timed_out"].contains(&case.failure()));
}

#[test]
fn a_missing_source_is_temporary() {
    let case = Case::at(Path::new("/nonexistent/upload").to_owned());
    assert!(matches!(case.inspect(), Err(Error::Temporary(_))));
    let dir = Case::bytes(b"x").dir.path().to_owned();
    assert!(tools().ffmpeg.is_absolute() && !dir.join("job/first.mp4").exists());
}
