//! Arguments of statements: one variant per portable column type, each nullable, so that a null keeps its type.

use takt_core::{
    AccountId, Caption, DraftId, EventId, Handle, ImpressionId, JobId, Lang, SessionId, SoundId, Timestamp,
    UploadId, VideoId, ViewerId,
};
use uuid::Uuid;

/// One argument. Build it with `From`, or many with [`args!`](crate::args).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `BIGINT`
    I64(Option<i64>),
    /// `BOOLEAN`
    Bool(Option<bool>),
    /// `DOUBLE PRECISION`
    F64(Option<f64>),
    /// `TEXT`
    Text(Option<String>),
    /// `BYTEA`
    Bytes(Option<Vec<u8>>),
    /// `UUID`
    Uuid(Option<Uuid>),
    /// `JSON`: objects and arrays only; a bare number would change its type on SQLite.
    Json(Option<serde_json::Value>),
}

macro_rules! values {
    ($($type:ty => $variant:ident, $convert:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some(($convert)(value)))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}

values! {
    i64 => I64, |v| v;
    i32 => I64, i64::from;
    u32 => I64, i64::from;
    u16 => I64, i64::from;
    u8 => I64, i64::from;
    Timestamp => I64, |v: Timestamp| v.millis();
    bool => Bool, |v| v;
    f64 => F64, |v| v;
    String => Text, |v| v;
    &str => Text, str::to_owned;
    &String => Text, |v: &String| v.clone();
    Handle => Text, String::from;
    Caption => Text, String::from;
    Lang => Text, String::from;
    &Handle => Text, |v: &Handle| v.as_str().to_owned();
    &Caption => Text, |v: &Caption| v.as_str().to_owned();
    &Lang => Text, |v: &Lang| v.as_str().to_owned();
    Vec<u8> => Bytes, |v| v;
    &[u8] => Bytes, <[u8]>::to_vec;
    [u8; 32] => Bytes, |v: [u8; 32]| v.to_vec();
    &[u8; 32] => Bytes, |v: &[u8; 32]| v.to_vec();
    Uuid => Uuid, |v| v;
    serde_json::Value => Json, |v| v;
    AccountId => Uuid, AccountId::uuid;
    ViewerId => Uuid, ViewerId::uuid;
    SessionId => Uuid, SessionId::uuid;
    UploadId => Uuid, UploadId::uuid;
    DraftId => Uuid, DraftId::uuid;
    VideoId => Uuid, VideoId::uuid;
    SoundId => Uuid, SoundId::uuid;
    ImpressionId => Uuid, ImpressionId::uuid;
    EventId => Uuid, EventId::uuid;
    JobId => Uuid, JobId::uuid;
}

/// The arguments of one statement: the first is `$1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args(Vec<Value>);

impl Args {
    /// No arguments yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
    /// Adds an argument and says its number, for statements put together at run time.
    pub fn push(&mut self, value: impl Into<Value>) -> usize {
        self.0.push(value.into());
        self.0.len()
    }
    /// The arguments in order.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

impl From<Vec<Value>> for Args {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl<V: Into<Value>> FromIterator<V> for Args {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self(values.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>> Extend<V> for Args {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        self.0.extend(values.into_iter().map(Into::into));
    }
}

/// The arguments of a statement: `args![id, caption, None::<i64>]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        $crate::Args::from(::std::vec![$($crate::Value::from($value)),*])
    };
}

/// The placeholders of a dynamic list: `in_list(2, 3)` is `$2, $3, $4`. An empty list is `NULL`, which nothing equals.
pub fn in_list(from: usize, n: usize) -> String {
    if n == 0 {
        return "NULL".to_owned();
    }
    let mut list = String::with_capacity(n * 5);
    for number in from..from + n {
        if number > from {
            list.push_str(", ");
        }
        list.push('$');
        list.push_str(&number.to_string());
    }
    list
}
