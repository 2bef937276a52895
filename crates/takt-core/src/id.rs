//! Typed ids. Every id is a UUID; those Takt mints are UUIDv7 (RFC 9562), so they sort by time of birth.

use crate::Clock;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The text was no UUID in its usual form of 36 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = uuid::Uuid))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered after all ids minted at an earlier millisecond of `clock`.
            pub fn mint(clock: &Clock) -> Self {
                Self(mint(clock))
            }
            /// The id as PostgreSQL and SQLite store it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
            /// An id from its 128 bits, for decoding and for tests that want fixed ids.
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }
            /// The 16 bytes of the id, most significant first.
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )*};
}

ids! {
    /// An identity: a person or an organisation.
    AccountId;
    /// Who watches, with or without an account.
    ViewerId;
    /// A sign-in of a browser or client.
    SessionId;
    /// A resumable transfer of one source file.
    UploadId;
    /// An edit that is not published yet.
    DraftId;
    /// A published (or to be published) video.
    VideoId;
    /// An audio track that videos may share.
    SoundId;
    /// One video shown, or about to be shown, to one viewer.
    ImpressionId;
    /// One page of a feed, as served once.
    PageId;
    /// Something that happened, named by the client that saw it. Any UUID version.
    EventId;
    /// Work to do.
    JobId;
}

fn mint(clock: &Clock) -> Uuid {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the operating system has randomness");
    let millis = clock.now().millis().max(0).cast_unsigned();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn minted_ids_sort_by_time_and_survive_text() {
        let clock = Clock::fixed(Timestamp::from_millis(1_000));
        let early = VideoId::mint(&clock);
        clock.advance_ms(1);
        let late = VideoId::mint(&clock);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(serde_json::to_string(&late).unwrap(), format!("\"{late}\""));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        for text in ["", "1", "01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}"] {
            assert_eq!(text.parse::<VideoId>(), Err(InvalidId), "{text}");
        }
    }
}
