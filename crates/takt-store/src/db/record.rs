//! Rows and how they become structs: by position, checked against the field names in debug builds.

use super::DbError;
use std::fmt;
use std::str::FromStr;
use takt_core::{
    AccountId, Caption, DraftId, EventId, Handle, ImpressionId, JobId, Lang, SessionId, SoundId, Timestamp,
    UploadId, VideoId, ViewerId,
};
use uuid::Uuid;

/// Why a column's value does not fit the type asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Mismatch {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// One value of a row, of whichever database. Read it with a [`Column`] type.
pub struct Cell<'r>(pub(crate) CellKind<'r>);

pub(crate) enum CellKind<'r> {
    Lite(rusqlite::types::ValueRef<'r>),
    Pg(&'r sqlx::postgres::PgRow, usize),
}

/// One row, of whichever database.
pub struct Row<'r>(pub(crate) RowKind<'r>);

pub(crate) enum RowKind<'r> {
    Lite(&'r rusqlite::Row<'r>),
    Pg(&'r sqlx::postgres::PgRow),
}

impl Row<'_> {
    /// The value at `index`, counted from 0. [`DbError::Corrupt`] when it does not fit.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, DbError> {
        let cell = match &self.0 {
            RowKind::Lite(row) => match row.get_ref(index) {
                Ok(value) => Cell(CellKind::Lite(value)),
                Err(_) => return Err(DbError::Other(format!("the statement has no column {index}"))),
            },
            RowKind::Pg(row) => Cell(CellKind::Pg(row, index)),
        };
        T::read(&cell).map_err(|mismatch| {
            DbError::Corrupt(format!(
                "column {index} ({}): {mismatch}",
                self.names().get(index).unwrap_or(&"?")
            ))
        })
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            RowKind::Lite(row) => row.as_ref().column_names(),
            RowKind::Pg(row) => {
                use sqlx::{Column as _, Row as _};
                row.columns().iter().map(|column| column.name()).collect()
            }
        }
    }

    pub(crate) fn check<R: Record>(&self) -> Result<(), DbError> {
        let wanted = R::columns();
        let names = self.names();
        if names.len() != R::WIDTH {
            let width = R::WIDTH;
            return Err(DbError::Other(format!("the record has {width} fields, the statement {names:?}")));
        }
        if cfg!(debug_assertions) && !wanted.is_empty() && wanted != names {
            return Err(DbError::Other(format!("the record has fields {wanted:?}, the statement {names:?}")));
        }
        Ok(())
    }
}

/// A struct or tuple that a row decodes to. Made with [`record!`](crate::record).
pub trait Record: Sized + Send + 'static {
    /// How many columns it takes.
    const WIDTH: usize;
    /// The names the columns must have; empty when any will do.
    fn columns() -> &'static [&'static str] {
        &[]
    }
    /// Decodes a row by position.
    fn decode(row: &Row<'_>) -> Result<Self, DbError>;
}

/// A type that a single value decodes to.
pub trait Column: Sized {
    /// Reads the value, or says why it does not fit.
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch>;
}

#[doc(hidden)]
pub fn read_column<T: Column>(row: &Row<'_>, index: &mut usize) -> Result<T, DbError> {
    let value = row.get(*index);
    *index += 1;
    value
}

/// Declares a struct whose fields are the columns of a statement, in order.
///
/// `record! { pub struct VideoRow { id: VideoId, caption: String, poster: Option<String> } }`; fields are as visible
/// as they say; the names must be those of the columns (checked in debug builds).
#[macro_export]
macro_rules! record {
    ($(
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }
        impl $crate::Record for $name {
            const WIDTH: usize = [$(stringify!($field)),*].len();
            fn columns() -> &'static [&'static str] {
                &[$(stringify!($field)),*]
            }
            fn decode(row: &$crate::Row<'_>) -> ::std::result::Result<Self, $crate::DbError> {
                let mut index = 0;
                Ok(Self { $($field: $crate::__private::read_column(row, &mut index)?,)* })
            }
        }
    )*};
}

/// Lets a type of yours be an argument and a column by its text: it needs `as_str(&self) -> &str` and `FromStr` with
/// an error that displays.
#[macro_export]
macro_rules! text_column {
    ($($type:ty),* $(,)?) => {$(
        impl ::std::convert::From<$type> for $crate::Value {
            fn from(value: $type) -> Self {
                $crate::Value::Text(Some(value.as_str().to_owned()))
            }
        }
        impl ::std::convert::From<Option<$type>> for $crate::Value {
            fn from(value: Option<$type>) -> Self {
                $crate::Value::Text(value.map(|value| value.as_str().to_owned()))
            }
        }
        impl $crate::Column for $type {
            fn read(cell: &$crate::Cell<'_>) -> ::std::result::Result<Self, $crate::Mismatch> {
                <String as $crate::Column>::read(cell)?
                    .parse()
                    .map_err(|error| $crate::Mismatch(::std::format!("{error}")))
            }
        }
    )*};
}

macro_rules! tuples {
    ($($width:literal: $($letter:ident)*;)*) => {$(
        impl<$($letter: Column + Send + 'static),*> Record for ($($letter,)*) {
            const WIDTH: usize = $width;
            fn decode(row: &Row<'_>) -> Result<Self, DbError> {
                let mut index = 0;
                Ok(($(read_column::<$letter>(row, &mut index)?,)*))
            }
        }
    )*};
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
    7: A B C D E F G;
    8: A B C D E F G H;
}

const NULL: &str = "is null";

impl Cell<'_> {
    fn is_null(&self) -> bool {
        match &self.0 {
            CellKind::Lite(value) => matches!(value, rusqlite::types::ValueRef::Null),
            CellKind::Pg(row, index) => {
                use sqlx::{Row as _, ValueRef as _};
                row.try_get_raw(*index).is_ok_and(|value| value.is_null())
            }
        }
    }
}

fn pg<'r, T>(row: &'r sqlx::postgres::PgRow, index: usize) -> Result<T, Mismatch>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    use sqlx::Row as _;
    row.try_get::<Option<T>, _>(index)?.ok_or_else(|| Mismatch(NULL.to_owned()))
}

fn unlike(value: rusqlite::types::ValueRef<'_>, wanted: &str) -> Mismatch {
    Mismatch(match value {
        rusqlite::types::ValueRef::Null => NULL.to_owned(),
        other => format!("is {} where {wanted} was expected", other.data_type()),
    })
}

impl<T: Column> Column for Option<T> {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        if cell.is_null() { Ok(None) } else { T::read(cell).map(Some) }
    }
}

impl Column for i64 {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Integer(value)) => Ok(value),
            CellKind::Lite(other) => Err(unlike(other, "an integer")),
            CellKind::Pg(row, index) => {
                use sqlx::{Column as _, Row as _, TypeInfo as _};
                // Literals in a statement (`SELECT 1`) are of the smaller type.
                match row.try_column(index)?.type_info().name() {
                    "INT4" => pg::<i32>(row, index).map(i64::from),
                    _ => pg(row, index),
                }
            }
        }
    }
}

impl Column for bool {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Integer(value @ (0 | 1))) => Ok(value == 1),
            CellKind::Lite(other) => Err(unlike(other, "a truth value")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl Column for f64 {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Real(value)) => Ok(value),
            CellKind::Lite(other) => Err(unlike(other, "a number")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl Column for String {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Text(text)) => {
                Ok(std::str::from_utf8(text)?.to_owned())
            }
            CellKind::Lite(other) => Err(unlike(other, "text")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl Column for Vec<u8> {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Blob(bytes)) => Ok(bytes.to_vec()),
            CellKind::Lite(other) => Err(unlike(other, "bytes")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl Column for Uuid {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Blob(bytes)) => Ok(Uuid::from_slice(bytes)?),
            CellKind::Lite(other) => Err(unlike(other, "an id of 16 bytes")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl Column for serde_json::Value {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        match cell.0 {
            CellKind::Lite(rusqlite::types::ValueRef::Text(text)) => Ok(serde_json::from_slice(text)?),
            CellKind::Lite(other) => Err(unlike(other, "JSON text")),
            CellKind::Pg(row, index) => pg(row, index),
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        let bytes = Vec::<u8>::read(cell)?;
        bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| Mismatch(format!("has {} bytes instead of {N}", bytes.len())))
    }
}

impl Column for Timestamp {
    fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
        i64::read(cell).map(Timestamp::from_millis)
    }
}

macro_rules! narrow {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
                Ok(i64::read(cell)?.try_into()?)
            }
        }
    )*};
}
narrow!(i32, u8, u16, u32, u64);

macro_rules! ids {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
                Uuid::read(cell).map(Into::into)
            }
        }
    )*};
}
ids!(AccountId, ViewerId, SessionId, UploadId, DraftId, VideoId, SoundId, ImpressionId, EventId, JobId);

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(cell: &Cell<'_>) -> Result<Self, Mismatch> {
                Ok(<$type>::from_str(&String::read(cell)?)?)
            }
        }
    )*};
}
texts!(Handle, Caption, Lang);
