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
    fn heading() {
        println!("| copy | cases | recognised | recall | found by lookup | taken for another |");
        println!("|---|---|---|---|---|---|");
    }

    fn row(&self, what: &str) {
        let Self { cases, right, looked_up, wrong } = self;
        let share = f64::from(*right) * 100.0 / f64::from((*cases).max(1));
        println!("| {what} | {cases} | {right} | {share:.1} % | {looked_up} | {wrong} |");
    }

    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.right += other.right;
        self.looked_up += other.looked_up;
        self.wrong += other.wrong;
    }
}

fn shared(known: &[u32], asked: &[u32]) -> usize {
    known.iter().filter(|key| asked.binary_search(key).is_ok()).count()
}

/// What is done to a sound.
struct Variant {
    what: &'static str,
    filter: &'static str,
    talked_over: bool,
}

const CUT: &str = "atrim=start=3,asetpts=PTS-STARTPTS";
const QUIET_CUT: &str = "atrim=start=3,asetpts=PTS-STARTPTS,volume=-9dB";
const VARIANTS: &[Variant] = &[
    Variant { what: "64 kb/s AAC", filter: "anull", talked_over: false },
    Variant { what: "first 3 s cut, 64 kb/s AAC", filter: CUT, talked_over: false },
    Variant { what: "first 3 s cut, 64 kb/s AAC, quieter by 9 dB", filter: QUIET_CUT, talked_over: false },
    Variant { what: "speech as loud over it, 64 kb/s AAC", filter: "anull", talked_over: true },
    Variant { what: "first 3 s cut, speech as loud over it, 64 kb/s AAC", filter: CUT, talked_over: true },
];

impl Variant {
    fn make(&self, from: &Path, speech: &Path, to: &Path) -> Fingerprint {
        let (from, to_text, cut) = (from.to_str().unwrap(), to.to_str().unwrap(), self.filter);
        let mut args = vec!["-t", SECONDS_MAX, "-i", from];
        // Both brought to one loudness, then mixed.
        let level = "aresample=44100,aformat=channel_layouts=mono,dynaudnorm,volume=-6dB";
        let graph = format!("[0:a]{cut},{level}[a];[1:a]{level}[b];[a][b]amix=duration=first:normalize=0");
        if self.talked_over {
            args.extend([
                "-stream_loop",
                "-1",
                "-i",
                speech.to_str().unwrap(),
                "-filter_complex",
                &graph,
                "-vn",
            ]);
        } else {
            args.extend(["-map", "0:a:0", "-af", cut]);
        }
        args.extend(["-c:a", "aac", "-b:a", "64k", to_text]);
        ffmpeg(&args).unwrap();
        Fingerprint::of(&samples(to).unwrap())
    }
}

fn sounds(files: &[PathBuf], speech: Option<&Path>, work: &Path) {
    let known: Vec<(&PathBuf, Fingerprint, f32)> = files
        .iter()
        .filter(|file| has(file, &["ogg", "mp3", "flac", "wav"]))
        .filter_map(|file| {
            let samples = samples(file)?;
            Some((file, Fingerprint::of(&samples), samples.len() as f32 / SAMPLE_RATE as f32))
        })
        .collect();
    println!("## Sounds\n\n{} sounds; a copy of each, compared with all of them.\n", known.len());
    Tally::heading();
    let mut all = Tally::default();
    let mut notes = Vec::new();
    for variant in VARIANTS.iter().filter(|variant| speech.is_some() || !variant.talked_over) {
        let what = variant.what;
        let mut tally = Tally::default();
        for (file, _, seconds) in &known {
            if variant.filter != "anull" && *seconds < 6.0 {
                continue;
            }
            let copy = variant.make(file, speech.unwrap_or(Path::new("")), &work.join("copy.m4a"));
            let keys = query_keys(&copy);
            tally.cases += 1;
            for (other, fingerprint, _) in &known {
                let likeness = copy.compare(fingerprint);
                let same = likeness.is_some_and(|likeness| likeness.is_same());
                let shared = shared(&index_keys(fingerprint), &keys);
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
            }
        }
        tally.row(what);
        all.add(&tally);
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

const PICTURES: &[(&str, &str)] = &[
    ("half as large, H.264 CRF 34", "scale=trunc(iw/4)*2:trunc(ih/4)*2"),
    ("8 % cropped", "crop=iw*0.92:ih*0.92,scale=trunc(iw/2)*2:trunc(ih/2)*2"),
    ("mirrored", "hflip,scale=trunc(iw/2)*2:trunc(ih/2)*2"),
    ("cropped, mirrored, half as large", "crop=iw*0.92:ih*0.92,hflip,scale=trunc(iw/4)*2:trunc(ih/4)*2"),
];

fn copied_pictures(from: &Path, filter: &str, to: &Path) -> Pictures {
    let filter = format!("{filter},format=yuv420p");
    let (from, to_text) = (from.to_str().unwrap(), to.to_str().unwrap());
    let mut args = vec!["-t", SECONDS_MAX, "-i", from, "-map", "0:v:0", "-vf", &filter];
    args.extend(["-c:v", "libx264", "-preset", "veryfast", "-crf", "34", to_text]);
    ffmpeg(&args).unwrap();
    pictures(to).unwrap_or_default()
}

fn videos(files: &[PathBuf], work: &Path) {
    let known: Vec<(&PathBuf, Pictures)> = files
        .iter()
        .filter(|file| has(file, &["mp4", "webm", "mov", "mkv", "avi", "3gp"]))
        .filter_map(|file| Some((file, pictures(file)?)))
        .collect();
    println!(
        "## Pictures\n\n{} videos; a copy of each, compared with all of them by their pictures",
        known.len()
    );
    println!("alone, as if none had a sound: in a cell, different sounds keep videos apart.\n");
    Tally::heading();
    let mut all = Tally::default();
    let mut notes = Vec::new();
    for (what, filter) in PICTURES {
        let mut tally = Tally::default();
        for (file, _) in &known {
            let copy = copied_pictures(file, filter, &work.join("copy.mp4"));
            let keys = copy.query_keys();
            tally.cases += 1;
            for (other, original) in &known {
                let likeness = copy.compare(original);
                let same = likeness.is_some_and(|likeness| likeness.is_same(SoundRelation::Unknown));
                let shared = shared(&original.index_keys(), &keys);
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
        all.add(&tally);
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
