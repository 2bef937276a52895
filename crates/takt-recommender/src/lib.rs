//! takt-recommender
