//! The binary as a person at a shell meets it: real processes, a real server, real FFmpeg.

mod command_line;
mod harness;
mod import;
mod verify;
