//! What the program writes: results to standard output, everything about the connection to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ipc_core::wire::sanitize::printable;

use crate::failure::{ExitCode, Failure};
use crate::progress;

/// How results are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Output {
    /// One JSON object a line, for programs.
    pub(crate) json: bool,
}

impl Output {
    /// Writes a line, or several. Characters that a terminal would obey are shown as escapes: texts come from servers.
    pub(crate) fn line(self, text: impl Into<String>) -> Result<(), Failure> {
        written(writeln!(io::stdout(), "{}", printable(text.into())))
    }

    /// Writes a line of JSON.
    pub(crate) fn json_line(self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        let text = text.map_err(|error| Failure::new(ExitCode::Driver, error))?;
        written(writeln!(io::stdout(), "{}", plain(&text)))
    }

    /// Returns true if results are read by a person at a terminal, who may be shown colours and bars.
    pub(crate) fn is_terminal(self) -> bool {
        !self.json && io::stdout().is_terminal()
    }
}

/// Writes a remark about the connection or the progress. A closed standard error is not a reason to stop.
pub(crate) fn remark(text: impl Into<String>) {
    let text = printable(text.into());
    if progress::keep_back(&text) || is_at_prompt() && printed_above(&text) {
        return;
    }
    let _ = progress::suspended(|| writeln!(io::stderr(), "{text}"));
}

/// What writes above a line that is being edited. Returns whether it could.
pub(crate) type Printer = Box<dyn FnMut(String) -> bool + Send>;

static PRINTER: Mutex<Option<Printer>> = Mutex::new(None);
static IS_AT_PROMPT: AtomicBool = AtomicBool::new(false);

/// Sets what writes remarks while a line is edited.
pub(crate) fn set_printer(printer: Option<Printer>) {
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = printer;
}

/// Runs `edit`, which edits a line: remarks of other threads stand above it meanwhile.
pub(crate) fn at_prompt<T>(edit: impl FnOnce() -> T) -> T {
    IS_AT_PROMPT.store(true, Ordering::SeqCst);
    let result = edit();
    IS_AT_PROMPT.store(false, Ordering::SeqCst);
    result
}

/// Returns true while a line is edited.
pub(crate) fn is_at_prompt() -> bool {
    IS_AT_PROMPT.load(Ordering::SeqCst)
}

fn printed_above(text: &str) -> bool {
    let mut printer = PRINTER.lock().unwrap_or_else(PoisonError::into_inner);
    let print = printer.as_mut();
    print.is_some_and(|print| print(format!("{text}\n")))
}

/// Writes why a command has failed.
pub(crate) fn report(failure: &Failure, output: Output) {
    let Failure::Failed { code, text } = failure else {
        return;
    };
    match output.json {
        false => remark(format!("error: {text}")),
        true => {
            let error = serde_json::json!({ "error": text, "code": *code as u8 });
            remark(plain(&error.to_string()));
        }
    }
}

/// JSON with escapes for the characters that a terminal would obey, all of which are inside of texts.
fn plain(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        let mut shown = [0; 4];
        match printable(c.encode_utf8(&mut shown).into()).starts_with(c) {
            true => plain.push(c),
            false => plain.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    plain
}

pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
        Err(error) => Err(Failure::new(
            ExitCode::Driver,
            format!("cannot write the output: {error}"),
        )),
    }
}
