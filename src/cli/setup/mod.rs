//! x
mod edit_json;
mod splice;
