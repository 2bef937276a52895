//! takt-media
