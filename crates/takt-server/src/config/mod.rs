//! Configuration: a TOML file, then the environment (`TAKT_HTTP__LISTEN` sets `http.listen`), then the command line.

mod keys;
mod load;
mod reference;

pub use keys::{Key, Section};
pub use load::{ConfigError, load};
pub use reference::reference;

use std::path::PathBuf;

keys::config! {
    /// Where and how Takt answers.
    http: Http {
        /// Address and port to listen on.
        listen: String = "127.0.0.1:8080".into(),
        /// The address people use, such as `https://takt.example`. Needed for absolute links in shared pages;
        /// without it they are made from the request's `Host`.
        public_url: Option<String> = None,
        /// Browsers get a `__Host-` cookie that only travels over HTTPS or on this machine. Set to false only to try
        /// Takt over plain HTTP from another device in the same network.
        cookie_secure: bool = true,
        /// Addresses of reverse proxies whose `X-Forwarded-For` is believed. Empty: nobody's.
        trusted_proxies: Vec<String> = Vec::new(),
        /// Largest JSON body taken, in bytes.
        json_bytes_max: usize = 256 * 1024,
        /// Seconds a shutdown waits for requests under way.
        shutdown_grace_s: u64 = 20,
    }

    /// Where data is kept.
    data: Data {
        /// Folder for the embedded stores, uploads under way and work files.
        dir: PathBuf = PathBuf::from("data"),
        /// Database address: `postgres://user:password@host/name`. Without it SQLite in `data.dir`.
        database_url: Option<String> = None,
    }

    /// Where media bytes are kept. Without a bucket: a folder in `data.dir`.
    media: Media {
        /// Name of the S3 bucket.
        s3_bucket: Option<String> = None,
        /// Address of the S3 service, for others than Amazon's.
        s3_endpoint: Option<String> = None,
        /// Region of the bucket.
        s3_region: String = "us-east-1".into(),
        /// Access key of the bucket.
        s3_access_key: Option<String> = None,
        /// Secret key of the bucket.
        s3_secret_key: Option<String> = None,
        /// Send viewers to signed addresses of the bucket instead of passing its bytes on.
        s3_redirect: bool = false,
        /// Memory for what is asked for often of a bucket, in bytes. 0 switches it off; files of a folder need none.
        cache_bytes: u64 = 256 * 1024 * 1024,
    }

    /// What may be uploaded.
    video: Video {
        /// Shortest video taken, in seconds.
        duration_min: u32 = 1,
        /// Longest video taken, in seconds.
        duration_max: u32 = 60,
        /// Largest file taken, in bytes.
        bytes_max: u64 = 512 * 1024 * 1024,
        /// Most pixels a frame may have.
        pixels_max: u64 = 4096 * 2304,
        /// Longest edge a frame may have, in pixels.
        edge_max: u32 = 4096,
        /// Highest frame rate taken, per second.
        fps_max: u32 = 120,
        /// Hours an unfinished or unpublished upload is kept.
        upload_expiry_h: u32 = 24,
        /// Unpublished uploads an account may have at once.
        uploads_open_max: u32 = 200,
        /// Days the source file is kept after its video is ready. 0 keeps it until the video is deleted.
        source_retention_days: u32 = 0,
    }

    /// Turning uploads into playable videos.
    processing: Processing {
        /// Videos worked on at once. 0 takes none: another process does the work.
        workers: usize = 1,
        /// Tries before a job is parked with its reason.
        attempts_max: u32 = 4,
        /// Seconds without a sign of life after which a job is taken over.
        lease_s: u64 = 30,
        /// Path of `ffmpeg`; found in `PATH` by default.
        ffmpeg: Option<PathBuf> = None,
        /// Path of `ffprobe`; found in `PATH` by default.
        ffprobe: Option<PathBuf> = None,
    }

    /// The library of sounds.
    sound: Sound {
        /// Whether a new cell begins with a few sounds synthesised by Takt itself.
        starter_set: bool = true,
    }

    /// Content Credentials (C2PA) of uploads; see docs/operating.md, "Content Credentials".
    provenance: Provenance {
        /// Whether they are read, where there is a program for it.
        read: bool = true,
        /// Absolute path of `takt-provenance`; the one beside `takt` by default, if it is there.
        command: Option<PathBuf> = None,
    }

    /// Captions written by a program of yours (speech recognition). Off until a command is set; see
    /// docs/operating.md, "Automatic captions".
    captions: Captions {
        /// Absolute path of the program. It runs in the same sandbox as FFmpeg and prints WebVTT.
        command: Option<PathBuf> = None,
        /// Its arguments. `{sound}` stands for a WAV file (16 kHz, mono, 16 bits), `{language}` for the tag of the
        /// video's language or `auto`.
        arguments: Vec<String> = vec!["{sound}".into()],
        /// Files and folders that it may read besides the sound, such as a model.
        files: Vec<PathBuf> = Vec::new(),
        /// Memory it may take, in MiB.
        memory_mib: u32 = 4096,
        /// CPU seconds it may take for one video.
        cpu_s: u32 = 600,
    }

    /// Accounts and sessions.
    account: Account {
        /// Whether strangers may sign up.
        signup: bool = true,
        /// Days a session lives without being used.
        session_days: u32 = 180,
        /// Memory of one password hash (argon2id), in KiB.
        argon2_memory_kib: u32 = 19 * 1024,
        /// Passes of one password hash (argon2id).
        argon2_passes: u32 = 2,
    }

    /// How often something may be done. 0 lifts a limit.
    limits: Limits {
        /// Sign-in tries per minute for one handle from one network.
        sign_in_per_handle_per_minute: u32 = 10,
        /// Sign-in tries per minute from one network.
        sign_in_per_minute: u32 = 120,
        /// New accounts per minute from one network.
        sign_up_per_minute: u32 = 120,
        /// New anonymous viewers per minute from one network.
        viewers_per_minute: u32 = 1200,
        /// Requests per second of one viewer.
        requests_per_second: u32 = 100,
        /// Events per second of one viewer.
        events_per_second: u32 = 500,
    }

    /// The feed.
    feed: Feed {
        /// Events between two snapshots of the recommender.
        snapshot_events: u64 = 200_000,
        /// Most videos a page may have.
        page_items_max: usize = 30,
    }

    /// What Takt says about itself.
    log: Log {
        /// Which messages, in the syntax of `tracing`'s filter: `info`, `takt=debug,info`.
        filter: String = "info,fjall=warn,lsm_tree=warn".into(),
        /// `text` for people, `json` for machines.
        format: String = "text".into(),
    }
}

impl Config {
    /// The database's address, the embedded one's where none is set.
    pub fn database_url(&self) -> String {
        match &self.data.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.data.dir.join("takt.db").display()),
        }
    }

    /// What uploads must keep to, in the media crate's terms.
    pub fn media_limits(&self) -> takt_media::Limits {
        takt_media::Limits {
            duration_min_ms: self.video.duration_min * 1000,
            duration_max_ms: self.video.duration_max * 1000,
            bytes_max: self.video.bytes_max,
            pixels_max: self.video.pixels_max,
            edge_max: self.video.edge_max,
            fps_max: self.video.fps_max,
            ..takt_media::Limits::default()
        }
    }
}
