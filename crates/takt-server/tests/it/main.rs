//! The server's tests: the real router, the real stores, once on SQLite and once on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod harness;
mod studio;

mod accounts;
mod after_care;
mod bad_input;
mod captions;
mod control;
mod drafts;
mod feeds;
mod media;
mod outages;
mod replacements;
mod restarts;
mod routes_by_role;
mod s3;
mod sounds;
mod templates;
mod uploads;
mod videos;
mod whole;
mod why;
mod withdrawals;
