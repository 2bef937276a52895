//! On what terms a sound may be used: consent, licence, and what becomes of videos when consent ends.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A stored word that this release does not know.
#[derive(Debug, thiserror::Error)]
#[error("is no word of this release")]
pub struct UnknownWord;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* #[serde(rename = $text)] $word,)* }

        impl $name {
            /// As it is stored and spoken of over HTTP.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }
        impl From<$name> for takt_store::Value {
            fn from(word: $name) -> Self {
                word.as_str().into()
            }
        }
        impl takt_store::Column for $name {
            fn read(cell: &takt_store::Cell<'_>) -> Result<Self, takt_store::Mismatch> {
                Ok(<String as takt_store::Column>::read(cell)?.parse()?)
            }
        }
        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($text => Ok(Self::$word),)* _ => Err(UnknownWord) }
            }
        }
    )*};
}

words! {
    /// Who may use a sound or a part of a video.
    Consent {
        Nobody = "nobody",
        Followers = "followers",
        Everyone = "everyone",
    }
    /// What becomes of published videos with a sound when its owner no longer lets their creators use it.
    OnRevoke {
        /// They keep it, with credit.
        Keep = "keep",
        /// They are muted, with a notice.
        Mute = "mute",
    }
    /// Under what licence a sound is. The Creative Commons ones are those of version 4.0.
    Licence {
        AllRightsReserved = "all_rights_reserved",
        Cc0 = "cc0",
        CcBy = "cc_by",
        CcBySa = "cc_by_sa",
        CcByNc = "cc_by_nc",
        CcByNcSa = "cc_by_nc_sa",
        CcByNd = "cc_by_nd",
        CcByNcNd = "cc_by_nc_nd",
        PublicDomain = "public_domain",
    }
}

impl Licence {
    /// The licence wants its author named.
    pub const fn needs_credit(self) -> bool {
        !matches!(self, Self::AllRightsReserved | Self::Cc0 | Self::PublicDomain)
    }
}
