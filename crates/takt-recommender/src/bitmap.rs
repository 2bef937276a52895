//! Roaring bitmaps inside the state.
//!
//! Their portable format lets one set be written in several ways. Here it is written in one: per 65,536 ids an array up
//! to 4,096 members and a bitmap above, never runs, whatever the order of insertions and removals was.

use roaring::RoaringBitmap;
use serde::de::Visitor;
use serde::ser::Error as _;
use std::fmt;

pub(crate) fn serialize<S: serde::Serializer>(set: &RoaringBitmap, serializer: S) -> Result<S::Ok, S::Error> {
    let mut canonical = set.clone();
    canonical.remove_run_compression();
    let mut bytes = Vec::with_capacity(canonical.serialized_size());
    canonical.serialize_into(&mut bytes).map_err(S::Error::custom)?;
    serializer.serialize_bytes(&bytes)
}

pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<RoaringBitmap, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = RoaringBitmap;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a roaring bitmap")
        }
        fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<RoaringBitmap, E> {
            RoaringBitmap::deserialize_from(bytes).map_err(E::custom)
        }
    }
    deserializer.deserialize_bytes(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Row(#[serde(with = "super")] RoaringBitmap);

    fn bytes(set: &RoaringBitmap) -> Vec<u8> {
        postcard::to_stdvec(&Row(set.clone())).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn equal_sets_have_equal_bytes(start in 0_u32..100_000, len in 1_u32..90_000, removed in 0_u32..9_000) {
            let mut forth = RoaringBitmap::new();
            forth.insert_range(start..start + len);
            for id in 0..removed.min(len) {
                forth.remove(start + id);
            }
            let mut back = RoaringBitmap::new();
            for id in (start + removed.min(len)..start + len).rev() {
                back.insert(id);
            }
            prop_assert!(bytes(&forth) == bytes(&back));
            let mut joined = RoaringBitmap::new();
            joined |= &forth;
            joined |= &back;
            prop_assert!(bytes(&joined) == bytes(&back));
            let read: Row = postcard::from_bytes(&bytes(&back)).unwrap();
            prop_assert!(read.0 == back);
        }
    }
}
