//! What the dashboard knows between two pictures: data only. `app` changes it, `view` draws it.

mod confirm;
mod detail;
mod facts;
mod filter;
mod history;
mod line;
mod model;
mod prompt;
mod table;

pub use confirm::{Affected, Choice, Confirm, Confirmed, Question};
pub use detail::{Detail, MAX_VALUE, Subject};
pub use facts::Fact;
pub use filter::Filter;
pub use history::History;
pub use line::Line;
pub use model::{Model, Overlay};
pub use prompt::{Prompt, Purpose};
pub use table::Table;
