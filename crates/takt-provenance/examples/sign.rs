//! `sign FROM TO`: writes the MP4 file FROM to TO with Content Credentials of a signer that nobody knows, for trying out.

#[path = "../tests/it/signing.rs"]
mod signing;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(from), Some(to), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: sign FROM TO");
        return ExitCode::from(2);
    };
    match signing::sign(Path::new(&from), Path::new(&to)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("could not sign: {error}");
            ExitCode::FAILURE
        }
    }
}
