//! takt-server
