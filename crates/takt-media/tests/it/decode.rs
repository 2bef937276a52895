//! Sound and picture taken apart.

use std::path::PathBuf;

use takt_media::{Container, Job};

use crate::harness::{Case, runtime, tools};

const CLIP: &str = "-f lavfi -i testsrc2=size=360x640:rate=30:duration=3 \
    -f lavfi -i sine=frequency=1000:sample_rate=48000:duration=3 \
    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -movflags +faststart -f mp4";
const SILENT: &str = "-f lavfi -i testsrc2=size=360x640:rate=30:duration=3 \
    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -movflags +faststart -f mp4";

fn with<T>(case: &Case, work: impl AsyncFnOnce(Job<'_>, PathBuf) -> T) -> T {
    let dir = case.job_dir();
    let job = Job { tools: tools(), limits: &case.limits, dir: &dir, source: &case.source };
    runtime().block_on(work(job, case.source.clone()))
}

#[test]
fn samples_are_what_is_heard() {
    let case = Case::made(CLIP, "upload.mp4");
    let heard = with(&case, async |job, file| {
        takt_media::samples(&job, Container::Mp4, &file, 11_025, 60_000).await.unwrap()
    });
    assert!((32_000..34_500).contains(&heard.len()), "{}", heard.len());
    // A tone of 1000 Hz crosses zero 2000 times a second.
    let second = &heard[11_025..22_050];
    let crossings = second.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count();
    assert!((1_990..2_010).contains(&crossings), "{crossings}");
    let cut = with(&case, async |job, file| {
        takt_media::samples(&job, Container::Mp4, &file, 11_025, 1_000).await.unwrap()
    });
    assert_eq!(cut.len(), 11_025);
}

#[test]
fn what_has_no_sound_has_no_samples() {
    let case = Case::made(SILENT, "upload.mp4");
    let heard =
        with(&case, async |job, file| takt_media::samples(&job, Container::Mp4, &file, 11_025, 60_000).await);
    assert_eq!(heard, Ok(Vec::new()));
}

#[test]
fn grey_frames_come_at_their_rate_and_size() {
    let case = Case::made(CLIP, "upload.mp4");
    let frames = with(&case, async |job, file| takt_media::grey_frames(&job, &file, 32, 2).await.unwrap());
    assert_eq!(frames.len(), 32 * 32 * 6);
    assert_ne!(frames[..1024], frames[1024..2048]);
}

#[test]
fn a_sound_gets_a_file_of_its_own() {
    let case = Case::made(CLIP, "upload.mp4");
    with(&case, async |job, file| {
        for is_rendition in [true, false] {
            let sound =
                takt_media::sound_file(&job, Container::Mp4, &file, is_rendition, 60_000).await.unwrap();
            assert!((10_000..90_000).contains(&sound.bytes), "{sound:?}");
            let heard = takt_media::samples(&job, Container::Mp4, &sound.path, 11_025, 60_000).await.unwrap();
            assert!((32_000..34_500).contains(&heard.len()), "{}", heard.len());
        }
    });
}

#[test]
fn other_sound_files_are_read_and_nothing_else_is() {
    for (encoder, name, container) in [
        ("-c:a libmp3lame", "sound.mp3", Container::Mp3),
        ("-c:a libvorbis", "sound.ogg", Container::Ogg),
        ("-c:a flac", "sound.flac", Container::Flac),
        ("-c:a pcm_s16le", "sound.wav", Container::Wav),
    ] {
        let case = Case::made(&format!("-f lavfi -i sine=duration=2 {encoder}"), name);
        with(&case, async |job, file| {
            assert_eq!(takt_media::sound_container(&job).await, Ok(Some(container)));
            let sound = takt_media::sound_file(&job, container, &file, false, 60_000).await.unwrap();
            let heard = takt_media::samples(&job, Container::Mp4, &sound.path, 11_025, 60_000).await.unwrap();
            assert!((21_000..24_000).contains(&heard.len()), "{name}: {}", heard.len());
        });
    }
    let playlist = Case::bytes(b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n");
    with(&playlist, async |job, _| assert_eq!(takt_media::sound_container(&job).await, Ok(None)));
}

#[test]
fn a_muted_rendition_has_its_picture_and_nothing_to_hear() {
    let case = Case::made(CLIP, "upload.mp4");
    with(&case, async |job, file| {
        let muted = takt_media::without_sound(&job, &file).await.unwrap();
        assert!(muted.codec.starts_with("avc1.") && !muted.codec.contains(','), "{}", muted.codec);
        let frames = takt_media::grey_frames(&job, &muted.path, 32, 2).await.unwrap();
        assert_eq!(frames, takt_media::grey_frames(&job, &file, 32, 2).await.unwrap());
        let heard = takt_media::samples(&job, Container::Mp4, &muted.path, 11_025, 60_000).await;
        assert_eq!(heard, Ok(Vec::new()));
    });
}
