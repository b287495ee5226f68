//! x
use super::CliError;
use super::args::Place;
use super::output::Output;
pub(super) fn run(_place: &Place, _output: &mut Output<'_>) -> Result<(), CliError> {
    Ok(())
}
