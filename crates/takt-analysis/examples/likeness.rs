//! Recall and precision of sound and picture recognition, on copies made of a folder of clips.
//!
//! `likeness --clips DIR [--speech FILE]`: every sound below DIR is re-encoded, cut and talked over with FFmpeg, every
//! video re-encoded, cropped, mirrored and cut; each copy is compared with all originals. Prints Markdown.

#![expect(clippy::unwrap_used, reason = "a measuring tool for developers ends where it can not go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use takt_analysis::{
    FRAME_EDGE, FRAMES_PER_SECOND, Fingerprint, Pictures, SAMPLE_RATE, SoundRelation, index_keys, query_keys,
    rhythm,
};

/// What is longer is cut: a video has at most so much.
const SECONDS_MAX: &str = "60";

fn main() {
    let (mut clips, mut speech) = (None, None);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().map(PathBuf::from);
        match flag.as_str() {
            "--clips" => clips = value,
            "--speech" => speech = value,
            _ => panic!("likeness --clips DIR [--speech FILE]; the speech must not be one of the sounds"),
        }
    }
    let clips = clips.expect("--clips DIR names a folder of clips");
    let work = std::env::temp_dir().join(format!("takt-likeness-{}", std::process::id()));
    std::fs::create_dir_all(&work).unwrap();
    let mut files = Vec::new();
    walk(&clips, &mut files);
    files.sort();
    sounds(&files, speech.as_deref(), &work);
    unlike_sounds(&files);
    videos(&files, &work);
    tempos(&files);
    std::fs::remove_dir_all(&work).unwrap();
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn has(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|known| *known == extension))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn ffmpeg(args: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-v", "error", "-y"]).args(args);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    output.status.success().then_some(output.stdout)
}

/// Mono samples; none where there is no sound.
fn samples(path: &Path) -> Option<Vec<f32>> {
    let rate = SAMPLE_RATE.to_string();
    let path = path.to_str().unwrap();
    let args =
        ["-t", SECONDS_MAX, "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", &rate, "-f", "f32le", "pipe:1"];
    let bytes = ffmpeg(&args)?;
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (!samples.is_empty()).then_some(samples)
}

fn pictures(path: &Path) -> Option<Pictures> {
    let filter = format!("fps={FRAMES_PER_SECOND},scale={FRAME_EDGE}:{FRAME_EDGE}:flags=area,format=gray");
    let path = path.to_str().unwrap();
    let bytes = ffmpeg(&[
        "-t",
        SECONDS_MAX,
        "-i",
        path,
        "-map",
        "0:v:0",
        "-vf",
        &filter,
        "-f",
        "rawvideo",
        "pipe:1",
    ])?;
    Some(Pictures::of(&bytes)).filter(|pictures| !pictures.is_empty())
}

#[derive(Default)]
struct Tally {
    cases: u32,
    right: u32,
    looked_up: u32,
    wrong: u32,
}

impl Tally {
    fn row(&self, what: &str) {
        let share = f64::from(self.right) * 100.0 / f64::from(self.cases.max(1));
        println!(
            "| {what} | {} | {} | {share:.1} % | {} | {} |",
            self.cases, self.right, self.looked_up, self.wrong
        );
    }
}

fn sounds(files: &[PathBuf], speech: Option<&Path>, work: &Path) {
    let files: Vec<&PathBuf> =
        files.iter().filter(|file| has(file, &["ogg", "mp3", "flac", "wav"])).collect();
    let known: Vec<(&PathBuf, Fingerprint, f32)> = files
        .iter()
        .filter_map(|file| {
            let samples = samples(file)?;
            Some((*file, Fingerprint::of(&samples), samples.len() as f32 / SAMPLE_RATE as f32))
        })
        .collect();
    let aac = "-c:a aac -b:a 64k";
    let cut = "atrim=start=3,asetpts=PTS-STARTPTS";
    let spoken = "dynaudnorm,volume=-6dB";
    let mut variants = vec![
        ("64 kb/s AAC", String::new(), false),
        ("first 3 s cut", cut.to_owned(), false),
        ("first 3 s cut, 64 kb/s AAC, quieter by 9 dB", format!("{cut},volume=-9dB"), false),
    ];
    if speech.is_some() {
        variants.push(("speech as loud over it, 64 kb/s AAC", String::new(), true));
        variants.push(("first 3 s cut, speech as loud over it, 64 kb/s AAC", cut.to_owned(), true));
    }
    println!("## Sounds\n\n{} sounds; a copy of each, compared with all of them.\n", known.len());
    println!(
        "| copy | cases | recognised | recall | found by lookup | taken for another |\n|---|---|---|---|---|---|"
    );
    let mut all = Tally::default();
    let mut notes = Vec::new();
    for (what, filter, talked_over) in &variants {
        let mut tally = Tally::default();
        for (file, _, seconds) in &known {
            if filter.contains("start=3") && *seconds < 6.0 {
                continue;
            }
            let to = work.join("copy.m4a");
            let (from, to_text) = (file.to_str().unwrap(), to.to_str().unwrap());
            let cut = if filter.is_empty() { "anull" } else { filter.as_str() };
            let made = if let (true, Some(speech)) = (*talked_over, speech) {
                // Both brought to one loudness, then mixed.
                let graph = format!(
                    "[0:a]{cut},aresample=44100,aformat=channel_layouts=mono,{spoken}[a];[1:a]aresample=44100,aformat=channel_layouts=mono,{spoken}[b];[a][b]amix=duration=first:normalize=0"
                );
                let speech = speech.to_str().unwrap();
                let mut args = vec![
                    "-t",
                    SECONDS_MAX,
                    "-i",
                    from,
                    "-stream_loop",
                    "-1",
                    "-i",
                    speech,
                    "-filter_complex",
                    &graph,
                    "-vn",
                ];
                args.extend(aac.split(' ').chain([to_text]));
                ffmpeg(&args)
            } else {
                let mut args = vec!["-t", SECONDS_MAX, "-i", from, "-map", "0:a:0", "-af", cut];
                args.extend(aac.split(' ').chain([to_text]));
                ffmpeg(&args)
            };
            made.unwrap();
            let copy = Fingerprint::of(&samples(&to).unwrap());
            tally.cases += 1;
            let keys = query_keys(&copy);
            for (other, fingerprint, _) in &known {
                let likeness = copy.compare(fingerprint);
                let same = likeness.is_some_and(|likeness| likeness.is_same());
                let shared =
                    index_keys(fingerprint).iter().filter(|key| keys.binary_search(key).is_ok()).count();
                if other == file {
                    tally.right += u32::from(same);
                    tally.looked_up += u32::from(shared >= 3);
                    if !same || shared < 3 {
                        notes.push(format!("- missed: {} ({what}): {likeness:?}, {shared} keys", name(file)));
                    }
                } else if same {
                    tally.wrong += 1;
                    notes.push(format!("- {} ({what}) for {}: {likeness:?}", name(file), name(other)));
                }
                if std::env::var_os("VERBOSE").is_some()
                    && (other == file || likeness.is_some_and(|l| l.agreeing > 5))
                {
                    eprintln!("{what}: {} / {}: {likeness:?} {shared}", name(file), name(other));
                }
            }
        }
        tally.row(what);
        all.cases += tally.cases;
        all.right += tally.right;
        all.looked_up += tally.looked_up;
        all.wrong += tally.wrong;
    }
    all.row("all");
    println!("\n{}\n", notes.join("\n"));
}

/// Every pair of files that is taken for one sound: to be read by somebody who knows which are.
fn unlike_sounds(files: &[PathBuf]) {
    let known: Vec<(&PathBuf, Fingerprint)> =
        files.iter().filter_map(|file| Some((file, Fingerprint::of(&samples(file)?)))).collect();
    let mut pairs = 0;
    println!("### Pairs of files taken for one sound\n");
    for (number, (file, fingerprint)) in known.iter().enumerate() {
        for (other, second) in &known[number + 1..] {
            pairs += 1;
            let likeness = fingerprint.compare(second);
            if likeness.is_some_and(|likeness| likeness.is_same()) {
                println!("- {} = {}: {:?}", name(file), name(other), likeness.unwrap());
            }
        }
    }
    println!("\n{pairs} pairs of {} files with sound.\n", known.len());
}

fn videos(files: &[PathBuf], work: &Path) {
    let files: Vec<&PathBuf> =
        files.iter().filter(|file| has(file, &["mp4", "webm", "mov", "mkv", "avi", "3gp"])).collect();
    let known: Vec<(&PathBuf, Pictures)> =
        files.iter().filter_map(|file| Some((*file, pictures(file)?))).collect();
    let small = "scale=trunc(iw/4)*2:trunc(ih/4)*2";
    let cropped = "crop=iw*0.92:ih*0.92,scale=trunc(iw/2)*2:trunc(ih/2)*2";
    println!(
        "## Pictures\n\n{} videos; a copy of each, compared with all of them by their pictures alone.\n",
        known.len()
    );
    println!(
        "| copy | cases | recognised | recall | found by lookup | taken for another |\n|---|---|---|---|---|---|"
    );
    let mut all = Tally::default();
    let mut notes = Vec::new();
    for (what, filter) in [
        ("half as large, H.264 CRF 34", small.to_owned()),
        ("8 % cropped", cropped.to_owned()),
        ("mirrored", "hflip".to_owned() + ",scale=trunc(iw/2)*2:trunc(ih/2)*2"),
        ("cropped, mirrored, half as large", format!("{cropped},hflip,{small}")),
    ] {
        let mut tally = Tally::default();
        for (file, _) in &known {
            let to = work.join("copy.mp4");
            let filter = format!("{filter},format=yuv420p");
            let made = ffmpeg(&[
                "-t",
                SECONDS_MAX,
                "-i",
                file.to_str().unwrap(),
                "-map",
                "0:v:0",
                "-vf",
                &filter,
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-crf",
                "34",
                to.to_str().unwrap(),
            ]);
            if made.is_none() {
                notes.push(format!("- FFmpeg made no copy of {} ({what})", name(file)));
                continue;
            }
            let copy = pictures(&to).unwrap_or_default();
            let keys = copy.query_keys();
            tally.cases += 1;
            for (other, original) in &known {
                let likeness = copy.compare(original);
                let same = likeness.is_some_and(|likeness| likeness.is_same(SoundRelation::Unknown));
                let shared =
                    original.index_keys().iter().filter(|key| keys.binary_search(key).is_ok()).count();
                if other == file {
                    tally.right += u32::from(same);
                    tally.looked_up += u32::from(shared >= 2);
                    if !same || shared < 2 {
                        notes.push(format!("- missed: {} ({what}): {likeness:?}, {shared} keys", name(file)));
                    }
                } else if same {
                    tally.wrong += 1;
                    notes.push(format!("- {} ({what}) for {}: {likeness:?}", name(file), name(other)));
                }
            }
        }
        tally.row(what);
        all.cases += tally.cases;
        all.right += tally.right;
        all.looked_up += tally.looked_up;
        all.wrong += tally.wrong;
    }
    all.row("all");
    println!("\n{}\n", notes.join("\n"));
}

fn tempos(files: &[PathBuf]) {
    println!("## Tempo\n\n| file | tempo | confidence | beats |\n|---|---|---|---|");
    for file in files {
        let Some(samples) = samples(file) else { continue };
        match rhythm(&samples).tempo {
            Some(tempo) => {
                println!(
                    "| {} | {:.1} | {:.2} | {} |",
                    name(file),
                    tempo.bpm,
                    tempo.confidence,
                    tempo.beats_ms.len()
                );
            }
            None => println!("| {} | none | | |", name(file)),
        }
    }
}
