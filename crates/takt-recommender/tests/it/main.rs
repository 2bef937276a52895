//! The recommender through its public interface.

mod cell;
mod tastes;
