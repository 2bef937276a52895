//! The binary as a person at a shell meets it: real processes, a real server, real FFmpeg.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod command_line;
mod crash;
mod disk_full;
mod harness;
mod import;
mod provenance;
mod recogniser;
mod replay;
mod studio;
mod verify;
