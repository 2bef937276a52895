//! The recommender through its public interface.

mod cell;
mod golden;
mod keeping;
mod learning;
mod properties;
mod reference;
mod strangers;
mod tastes;
mod wire;
