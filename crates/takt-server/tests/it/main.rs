//! The server's tests: the real router, the real stores, once on SQLite and once on PostgreSQL.

mod harness;
mod studio;

mod accounts;
mod bad_input;
mod feeds;
mod media;
mod routes_by_role;
mod uploads;
mod videos;
