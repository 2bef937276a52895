//! Makes sources, runs them through all stages and looks at what came out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use takt_media::{Error, Job, Limits, Plan, Poster, Rendition, Settings, Source, Tools};
use tempfile::TempDir;

/// FFmpeg and ffprobe on `PATH`, or those named by `TAKT_TEST_FFMPEG` and `TAKT_TEST_FFPROBE`.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    let given = |name| std::env::var_os(name).map(PathBuf::from);
    TOOLS.get_or_init(|| {
        let (ffmpeg, ffprobe) = (given("TAKT_TEST_FFMPEG"), given("TAKT_TEST_FFPROBE"));
        Tools::find(ffmpeg.as_deref(), ffprobe.as_deref()).unwrap()
    })
}

/// A folder with a source and, beside it, the job's folder.
pub(crate) struct Case {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) source: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
}

/// Everything that came of a source.
pub(crate) struct Done {
    pub(crate) source: Source,
    pub(crate) plan: Plan,
    pub(crate) first: Rendition,
    pub(crate) further: Vec<Rendition>,
    pub(crate) poster: Poster,
    pub(crate) progress: Vec<f32>,
    /// Keeps the files.
    _dir: Arc<TempDir>,
}

impl Case {
    /// A case around the given bytes.
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        let case = Self::at(PathBuf::new());
        std::fs::write(case.dir.path().join("upload"), bytes).unwrap();
        Self { source: case.dir.path().join("upload"), ..case }
    }

    /// A case around an existing file.
    pub(crate) fn at(source: PathBuf) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(dir.path().join("job")).unwrap();
        Self { dir, source, limits: Limits::default(), settings: Settings::default() }
    }

    /// A case around what FFmpeg makes of `args`; the file's name ends them.
    pub(crate) fn made(args: &str, name: &str) -> Self {
        let case = Self::at(PathBuf::new());
        let source = case.dir.path().join(name);
        ffmpeg(&format!("{args} {}", source.display()));
        Self { source, ..case }
    }

    pub(crate) fn job_dir(&self) -> PathBuf {
        self.dir.path().join("job")
    }

    /// Changes the source's bytes.
    pub(crate) fn edit(self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = std::fs::read(&self.source).unwrap();
        change(&mut bytes);
        std::fs::write(&self.source, bytes).unwrap();
        self
    }

    pub(crate) fn inspect(&self) -> Result<Source, Error> {
        let dir = self.job_dir();
        let job = Job { tools: tools(), limits: &self.limits, dir: &dir, source: &self.source };
        runtime().block_on(takt_media::inspect(&job))
    }

    /// All stages.
    pub(crate) fn run(&self) -> Result<Done, Error> {
        let dir = self.job_dir();
        let job = Job { tools: tools(), limits: &self.limits, dir: &dir, source: &self.source };
        runtime().block_on(async {
            let source = takt_media::inspect(&job).await?;
            let plan = takt_media::plan(&source, &self.settings);
            let mut progress = Vec::new();
            let first = takt_media::first_rendition(&job, &source, &plan, |done| progress.push(done)).await?;
            let poster = takt_media::poster(&job, &first.path, 0).await?;
            let further = takt_media::further_renditions(&job, &source, &plan, &first, |_| {}).await?;
            Ok(Done { source, plan, first, further, poster, progress, _dir: self.dir.clone() })
        })
    }

    /// The stable code of the failure.
    pub(crate) fn failure(&self) -> &'static str {
        match self.run() {
            Err(Error::Rejected(failure)) => failure.code(),
            Err(Error::Temporary(reason)) => panic!("temporary: {reason}"),
            Ok(_) => "ready",
        }
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs FFmpeg to make a source.
pub(crate) fn ffmpeg(args: &str) {
    let output = Command::new(&tools().ffmpeg)
        .args(["-nostdin", "-hide_banner", "-v", "error", "-y"])
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What FFmpeg prints on standard output.
pub(crate) fn decoded(args: &[&str]) -> Vec<u8> {
    let output = Command::new(&tools().ffmpeg)
        .args(["-nostdin", "-hide_banner", "-v", "error"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A decoded picture.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// The frame of a file at `seconds`, as players show it.
    pub(crate) fn of(path: &Path, seconds: f64, (width, height): (u32, u32)) -> Self {
        let (at, path) = (seconds.to_string(), path.display().to_string());
        // FFmpeg finds no frame in some JPEG files after seeking, not even to zero.
        let seek: &[&str] = if seconds > 0.0 { &["-ss", &at] } else { &[] };
        let rest =
            ["-i", &path, "-frames:v", "1", "-vf", "format=gbrp,format=rgb24", "-f", "rawvideo", "pipe:1"];
        let rgb = decoded(&[seek, &rest].concat());
        let (width, height) = (width as usize, height as usize);
        assert_eq!(rgb.len(), width * height * 3, "{path} is not {width}x{height}");
        Self { width, height, rgb }
    }

    /// The colour at a place given in parts of the picture, 0 to 1, mean of 5 by 5 pixels.
    pub(crate) fn at(&self, across: f64, down: f64) -> [u8; 3] {
        let (x, y) = ((across * self.width as f64) as usize, (down * self.height as f64) as usize);
        let mut sums = [0_usize; 3];
        for row in y.saturating_sub(2)..=(y + 2).min(self.height - 1) {
            for column in x.saturating_sub(2)..=(x + 2).min(self.width - 1) {
                for (sum, value) in sums.iter_mut().zip(&self.rgb[(row * self.width + column) * 3..]) {
                    *sum += usize::from(*value);
                }
            }
        }
        let rows = (y + 2).min(self.height - 1) - y.saturating_sub(2) + 1;
        let columns = (x + 2).min(self.width - 1) - x.saturating_sub(2) + 1;
        sums.map(|sum| u8::try_from(sum / (rows * columns)).unwrap())
    }

    /// Names of the colours in the corners: top left, top right, bottom left, bottom right.
    pub(crate) fn corners(&self) -> [&'static str; 4] {
        [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)].map(|(across, down)| name(self.at(across, down)))
    }
}

fn name([red, green, blue]: [u8; 3]) -> &'static str {
    match (red > 150, green > 150, blue > 150) {
        (true, false, false) => "red",
        (false, true, false) => "green",
        (false, false, true) => "blue",
        (true, true, false) => "yellow",
        (true, true, true) => "white",
        (false, false, false) => "black",
        _ => "other",
    }
}

/// A source filter: red, green, blue and yellow corners, top left to bottom right, on grey.
pub(crate) fn corners(width: u32, height: u32, rate: u32, seconds: u32) -> String {
    let (w, h) = (width / 4, height / 4);
    let (x, y) = (width - w, height - h);
    format!(
        "color=c=gray:s={width}x{height}:r={rate}:d={seconds},format=rgb24,drawbox=0:0:{w}:{h}:0xFF0000:fill,\
         drawbox={x}:0:{w}:{h}:0x00FF00:fill,drawbox=0:{y}:{w}:{h}:0x0000FF:fill,drawbox={x}:{y}:{w}:{h}:0xFFFF00:fill"
    )
}

/// What ffprobe says about a file, without the sandbox: `entries` as for `-show_entries`, one value a line.
pub(crate) fn probe(path: &Path, entries: &str) -> Vec<String> {
    let output = Command::new(&tools().ffprobe)
        .args(["-v", "error", "-show_entries", entries, "-of", "default=nw=1:nk=1"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Sound of a file from time zero as mono samples at 48 kHz, gaps filled.
pub(crate) fn samples(path: &Path) -> Vec<f32> {
    let path = path.display().to_string();
    let filter = "aresample=48000:async=1:first_pts=0";
    let bytes = decoded(&["-i", &path, "-vn", "-af", filter, "-ac", "1", "-f", "f32le", "pipe:1"]);
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Brightness of a file's picture every `1000 / rate` ms from time zero.
pub(crate) fn brightness(path: &Path, rate: u32) -> Vec<u8> {
    brightness_of(path, rate, "null")
}

/// Brightness of what the filter `part` leaves of a file's picture.
pub(crate) fn brightness_of(path: &Path, rate: u32, part: &str) -> Vec<u8> {
    let filter = format!("fps={rate}:start_time=0,{part},scale=1:1:flags=area,format=gray");
    let path = path.display().to_string();
    decoded(&["-i", &path, "-an", "-vf", &filter, "-f", "rawvideo", "pipe:1"])
}
