//! What the dashboard knows between two pictures: data only. `app` changes it, `view` draws it.

mod confirm;
mod detail;
mod facts;
mod filter;
mod history;
mod model;
mod table;

pub use confirm::{Choice, Confirm, Confirmed};
pub use detail::{Detail, MAX_VALUE, Subject};
pub use facts::Fact;
pub use filter::Filter;
pub use history::History;
pub use model::{Model, Overlay};
pub use table::Table;
