//! The cell's key for receipts, and signed notes as C2SP has them (<https://c2sp.org/signed-note>, v1.0.0).

use super::seeds::{read_secret, write_secret};
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Ed25519, in key ids and verifier keys.
const KIND: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const SIGNATURE_BYTES: usize = 64;
/// Signatures that a note is read with at most.
const SIGNATURES_MAX: usize = 16;

/// Signs what this cell says.
pub struct Signer {
    key: SigningKey,
    name: String,
}

/// A note that can not be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not in the form of a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// No signature is by the key.
    #[error("not signed by {0}")]
    Unsigned(String),
    /// The key's signature does not fit the text.
    #[error("the signature by {0} does not fit the text")]
    Wrong(String),
}

impl Signer {
    /// The key in `dir`, made at the first start.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("key");
        let seed = match read_secret(&path)? {
            Some(seed) => seed,
            None if path.exists() => {
                return Err(Error::Internal(format!("{} holds no key", path.display())));
            }
            None => {
                let mut seed = [0; 32];
                crate::session::getrandom_fill(&mut seed);
                write_secret(&path, &seed)?;
                seed
            }
        };
        Ok(Self::of(&seed))
    }

    /// The key of the cell whose data is in `data`, if it has one.
    ///
    /// # Errors
    /// Where it can not be read.
    pub fn find(data: &Path) -> std::io::Result<Option<Self>> {
        let seed = read_secret(&data.join("receipts").join("key"))?;
        Ok(seed.map(|seed| Self::of(&seed)))
    }

    fn of(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        Self { key, name: format!("takt-cell-{}", hex::encode(&digest[..8])) }
    }

    /// What the cell is called in receipts. Follows from its key.
    pub fn cell(&self) -> &str {
        &self.name
    }

    /// The key for those who verify: `name+id+key`.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The text, which ends in a line feed, with the signature below.
    pub fn sign(&self, text: &str) -> String {
        format!("{text}\n{}\n", self.signature_line(text))
    }

    /// The signature's line alone.
    pub fn signature_line(&self, text: &str) -> String {
        let mut signed = key_id(&self.name, &self.key.verifying_key()).to_vec();
        signed.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("\u{2014} {} {}", self.name, STANDARD.encode(signed))
    }
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; KEY_ID_BYTES] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', KIND]).chain_update(key.as_bytes());
    let mut id = [0; KEY_ID_BYTES];
    id.copy_from_slice(&hash.finalize()[..KEY_ID_BYTES]);
    id
}

/// A key to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![KIND];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(key_id(&self.name, &self.key)), STANDARD.encode(key))
    }
}

impl std::str::FromStr for Verifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a verifier key is `name+id+key`");
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let bytes = STANDARD.decode(key).map_err(|_| malformed.clone())?;
        let Some((&KIND, key)) = bytes.split_first() else { return Err(malformed) };
        let key = <[u8; 32]>::try_from(key).map_err(|_| malformed.clone())?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| malformed.clone())?;
        if name.is_empty() || hex::encode(key_id(name, &key)) != id {
            return Err(NoteError::Malformed("the verifier key's id does not fit its name and key"));
        }
        Ok(Self { name: name.to_owned(), key })
    }
}

impl Verifier {
    /// The text of a note that this key has signed. Signatures by other keys are passed over.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(NoteError::Malformed("it holds control characters"));
        }
        let end =
            note.rfind("\n\n").ok_or(NoteError::Malformed("it has no blank line before its signatures"))?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        if signatures.is_empty() || !signatures.ends_with('\n') {
            return Err(NoteError::Malformed("its last line does not end"));
        }
        if signatures.lines().count() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        let mut signed = false;
        for line in signatures.lines() {
            signed |= self.check(text, line)?;
        }
        if signed { Ok(text) } else { Err(NoteError::Unsigned(self.name.clone())) }
    }

    /// Whether a line is this key's signature; one that is and does not fit is an error.
    fn check(&self, text: &str, line: &str) -> Result<bool, NoteError> {
        let malformed = NoteError::Malformed("a signature is `\u{2014} name base64`");
        let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.rsplit_once(' '));
        let (name, signature) = parts.ok_or(malformed.clone())?;
        let bytes = STANDARD.decode(signature).map_err(|_| malformed.clone())?;
        let (id, signature) = bytes.split_first_chunk::<KEY_ID_BYTES>().ok_or(malformed)?;
        if name != self.name || *id != key_id(&self.name, &self.key) {
            return Ok(false);
        }
        let wrong = || NoteError::Wrong(self.name.clone());
        let signature = <[u8; SIGNATURE_BYTES]>::try_from(signature).map_err(|_| wrong())?;
        let fits = self.key.verify_strict(text.as_bytes(), &Signature::from_bytes(&signature));
        fits.map(|()| true).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signed note's specification has no vectors; this one was accepted by two independent implementations.
    #[test]
    fn notes_are_as_others_make_and_read_them() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let signer = Signer { key, name: "takt.example/log/eu".into() };
        let verifier = signer.verifier();
        assert_eq!(
            verifier.to_string(),
            "takt.example/log/eu+f236c42f+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
        );
        assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
        let text = "takt.example/log/eu\n300\nyjk9Apa+xeC43KuYO9H7fRRh9RLnJny4ljGtJv1m2Eg=\n";
        let note = signer.sign(text);
        let line = "\u{2014} takt.example/log/eu 8jbEL+zyy9zhmFUVW+l14R4RoDOW+VFPVJuSjXReqsmR34B28jiiyxvrBWYXsfaR80l\
                    PNFizpul8UPKyNqvoPVUBcgo=\n";
        assert_eq!(note, format!("{text}\n{line}"));
        assert_eq!(verifier.open(&note), Ok(text));
        // Another's signature beside it does not matter.
        let other = Signer::of(&[2; 32]);
        let both = format!("{note}{}\n", other.signature_line(text));
        assert_eq!((verifier.open(&both), other.verifier().open(&both)), (Ok(text), Ok(text)));
        assert_eq!(other.verifier().open(&note), Err(NoteError::Unsigned(other.cell().into())));
        assert_eq!(verifier.open(&note.replace("300", "301")), Err(NoteError::Wrong(signer.cell().into())));
        for bad in ["", "\n\n", "x\n\n", "x\n", &note.replace('\u{2014}', "-"), &note.replace("300", "3\t0")]
        {
            assert!(matches!(verifier.open(bad), Err(NoteError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let first = Signer::open(dir.path()).unwrap();
        let second = Signer::open(dir.path()).unwrap();
        assert_eq!(first.verifier(), second.verifier());
        let mode = std::fs::metadata(dir.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(dir.path().join("key"), "nonsense").unwrap();
        assert!(Signer::open(dir.path()).is_err(), "a damaged key is not replaced");
    }
}
