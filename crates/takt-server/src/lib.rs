//! The product: one HTTP router over domain slices (`account`, `session`, `upload`, `draft`, `video`, `captions`, `history`, `feed`, `taste`,
//! `follow`, `event`, `media`).
//!
//! A request goes `router` -> a slice's `routes` (HTTP in and out) -> its `mod` (rules) -> its `store` (SQL).
//! A slice may call another slice's `mod`, never its `store` or `routes`.

#![expect(missing_docs, reason = "the types of the HTTP contract document themselves in OpenAPI")]

pub mod account;
mod app;
pub mod captions;
pub mod config;
mod connection;
pub mod draft;
mod error;
pub mod event;
mod extract;
pub mod feed;
pub mod follow;
mod guard;
mod health;
pub mod history;
pub mod likeness;
mod limits;
pub mod media;
mod router;
pub mod session;
pub mod sound;
mod state;
pub mod taste;
pub mod upload;
pub mod video;
mod web_app;
pub mod worker;

pub use app::{App, MIGRATIONS, StartError, migrate};
pub use error::{Error, Problem};
pub use router::openapi;
pub use state::State;
