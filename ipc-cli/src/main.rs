//! The program `ipc`: instruments attached to another computer, from any shell.

mod arguments;
mod failure;
mod output;
mod parse;
mod show;

fn main() -> std::process::ExitCode {
    let _ = (arguments::read, parse::arguments);
    failure::ExitCode::Done.into()
}
