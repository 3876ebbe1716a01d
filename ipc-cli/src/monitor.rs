//! `ipc monitor`.
use crate::{arguments::MonitorOptions, connect::Session, failure::Failure, output::Output};
pub(crate) fn run(_: &Session, _: &MonitorOptions, _: Output) -> Result<(), Failure> {
    Ok(())
}
