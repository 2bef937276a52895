//! Says whether an MP4 or MOV file carries Content Credentials (C2PA), and whether they hold.
//!
//! `takt-provenance FILE` prints one line of JSON and ends with 0: `{"provenance":"valid"}`, `"broken"` or `"absent"`. It
//! ends with another code only where the file can not be read.
//!
//! Valid means that the manifest is well-formed, that its signature and the hashes in it hold, and that the signer's
//! certificate holds now or held at a trusted time stamp. It says nothing of who signed: no trust list is asked.
//!
//! Invariant: nothing is fetched, neither manifests nor revocations, and nothing is written. The file is hostile and the
//! parser large, which is why this is a program of its own: whoever starts it confines it and bounds its time and memory.

mod boxes;

use c2pa::{Context, Reader, Settings, ValidationState};
use std::fs::File;
use std::io::{self, BufReader, Seek as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

/// No fetching of manifests that stand elsewhere nor of revocations, and no host that could be asked for anything.
const SETTINGS: &str = r#"{
    "verify": { "verify_after_reading": true, "remote_manifest_fetch": false, "ocsp_fetch": false },
    "core": { "allowed_network_hosts": [], "decode_identity_assertions": false }
}"#;

/// What a file's Content Credentials are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provenance {
    Absent,
    Valid,
    Broken,
}

impl Provenance {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Valid => "valid",
            Self::Broken => "broken",
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(file), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: takt-provenance FILE");
        return ExitCode::from(2);
    };
    match read(Path::new(&file)) {
        Ok(provenance) => {
            println!("{{\"provenance\":\"{}\"}}", provenance.as_str());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("could not read {}: {error}", Path::new(&file).display());
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> io::Result<Provenance> {
    let mut file = BufReader::new(File::open(path)?);
    // Most files carry nothing; the large parser never sees those.
    if !boxes::has_credentials(&mut file)? {
        return Ok(Provenance::Absent);
    }
    file.rewind()?;
    // A file that brings the parser down has something in it that does not hold.
    let state = panic::catch_unwind(AssertUnwindSafe(|| verify(file)));
    Ok(match state {
        Ok(Ok(ValidationState::Valid | ValidationState::Trusted)) => Provenance::Valid,
        Ok(Ok(ValidationState::Invalid) | Err(_)) | Err(_) => Provenance::Broken,
    })
}

fn verify(file: BufReader<File>) -> c2pa::Result<ValidationState> {
    let context = Context::new().with_settings(Settings::new().with_json(SETTINGS)?)?;
    Ok(Reader::from_context(context).with_stream("video/mp4", file)?.validation_state())
}
