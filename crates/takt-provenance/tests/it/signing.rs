//! Signs a file as a camera would, with a certificate made for the moment that nobody trusts.

use c2pa::{Builder, BuilderIntent, DigitalSourceType, EphemeralSigner, Result};
use std::path::Path;

/// Writes `from` to `to` with Content Credentials.
pub fn sign(from: &Path, to: &Path) -> Result<()> {
    let mut builder = Builder::default();
    builder.set_intent(BuilderIntent::Create(DigitalSourceType::DigitalCapture));
    builder.sign_file(&EphemeralSigner::new("takt.test")?, from, to)?;
    Ok(())
}
