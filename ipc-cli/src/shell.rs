//! `ipc shell`: commands one after the other, with history and completion.
//!
//! Where standard input is not a terminal, it is read as a script: without a prompt, and the first failure ends it.

use std::io::{self, BufRead, IsTerminal};
use std::sync::atomic::Ordering;
use std::thread;

use ipc_core::interface::similar::nearest;
use ipc_core::wire::sanitize::fit_to_show;
use rustyline::config::{BellStyle, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor, ExternalPrinter};

use self::grammar::Request;
use self::helper::Completion;
use self::history::Lines;
use self::leases::Leases;
use self::watch::Watch;
use crate::arguments::{DescribeOptions, ListOptions, Verb};
use crate::connect::Session;
use crate::failure::{ExitCode, Failure};
use crate::output::{self, Output, report};
use crate::{commands, interrupt};

mod complete;
mod grammar;
mod helper;
mod history;
mod leases;
mod split;
mod watch;

/// Runs lines until the end of the input, or `exit`.
pub(crate) fn run(session: &Session, output: Output) -> Result<(), Failure> {
    let description = session.command(|client| client.server().description())?;
    session.client.dynamic().learn(description);
    let watch = Watch::new(session);
    let mut shell = Shell {
        session,
        output,
        watch: &watch,
        leases: Leases::default(),
    };
    let ended = match io::stdin().is_terminal() {
        // Ctrl-C ends calls, not the shell.
        true => interrupt::ignoring(|| shell.dialogue()),
        false => shell.script(),
    };
    shell.leases.end(&session.client);
    match ended {
        Err(Failure::OutputClosed) => Ok(()),
        ended => ended,
    }
}

struct Shell<'a> {
    session: &'a Session,
    output: Output,
    watch: &'a Watch<'a>,
    leases: Leases,
}

/// What follows a line.
enum Next {
    Line,
    End,
}

impl Shell<'_> {
    /// Runs the lines of standard input. The first failure is the last line.
    fn script(&mut self) -> Result<(), Failure> {
        let mut line = String::new();
        loop {
            line.clear();
            // Not locked for longer than a line: a command may read standard input as well.
            let read = io::stdin().lock().read_line(&mut line);
            let read = read
                .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
            if read == 0 {
                return Ok(());
            }
            let line = line.trim_end_matches(['\n', '\r']);
            refuse_input(line)?;
            if let Next::End = self.line(line)? {
                return Ok(());
            }
        }
    }

    /// Runs the lines that a person types, and tells failures.
    fn dialogue(&mut self) -> Result<(), Failure> {
        let mut editor = editor(self.session).map_err(|error| no_terminal(&error))?;
        let mut lines = Lines::load(&mut editor);
        let printer = editor.create_external_printer();
        output::set_printer(printer.ok().map(|mut printer| {
            let print = move |text| printer.print(text).is_ok();
            Box::new(print) as Box<_>
        }));
        let prompt = prompt(self.session);
        let watch = self.watch;
        thread::scope(|scope| {
            scope.spawn(|| watch.run());
            let ended = self.lines(&prompt, &mut editor, &mut lines);
            watch.end();
            // The thread may wait for it.
            drop(editor);
            ended
        })
    }

    fn lines(
        &mut self,
        prompt: &str,
        editor: &mut Editor<Completion, FileHistory>,
        lines: &mut Lines,
    ) -> Result<(), Failure> {
        loop {
            let leases = self.leases.count();
            self.watch.leases.store(leases, Ordering::Relaxed);
            let edit = || output::at_prompt(|| editor.readline(prompt));
            let line = match self.watch.during(edit) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(no_terminal(&error)),
            };
            lines.add(&line, editor);
            match self.pasted(&line) {
                Ok(Next::Line) => {}
                Ok(Next::End) => return Ok(()),
                Err(Failure::OutputClosed) => return Err(Failure::OutputClosed),
                Err(failure) => report(&failure, self.output),
            }
            self.watch.tell();
        }
    }

    /// Runs a line, or several that were pasted at once. The first failure is the last line.
    fn pasted(&mut self, text: &str) -> Result<Next, Failure> {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            match self.line(line) {
                Ok(Next::Line) => {}
                ended => {
                    let left = lines.count();
                    if left > 0 {
                        output::remark(format!(
                            "not run: {left} more of the lines that were pasted"
                        ));
                    }
                    return ended;
                }
            }
        }
        Ok(Next::Line)
    }

    /// Runs a line.
    fn line(&mut self, line: &str) -> Result<Next, Failure> {
        let (verb, output, name) = match grammar::request(line)? {
            Request::Nothing => return Ok(Next::Line),
            Request::Exit => return Ok(Next::End),
            Request::Help(text) => {
                self.output.line(text.trim_end())?;
                return Ok(Next::Line);
            }
            Request::Describe(name) => {
                let name = Some(name);
                let verb = Verb::Describe(DescribeOptions { name });
                (verb, self.output, None)
            }
            Request::List(device) => {
                let device = Some(device);
                (Verb::List(ListOptions { device }), self.output, None)
            }
            Request::Run { verb, json, name } => {
                let json = json || self.output.json;
                (*verb, Output { json }, name)
            }
        };
        let result = self.verb_of_today(verb, output);
        result.map_err(
            |failure| match name.and_then(|name| self.command_like(&name)) {
                Some(verb) => with_hint(failure, &verb),
                None => failure,
            },
        )?;
        Ok(Next::Line)
    }

    /// Runs a command, and once more if the server has come to offer something else meanwhile and nothing was run.
    fn verb_of_today(&mut self, verb: Verb, output: Output) -> Result<(), Failure> {
        let again = verb.clone();
        let result = self.verb(verb, output);
        let code = match &result {
            Err(Failure::Failed { code, .. }) => *code,
            _ => return result,
        };
        if self.leases.count() > 0 {
            self.leases.forget_lost();
        }
        let is_new = code != ExitCode::Unreachable && self.watch.refresh();
        match is_new && code == ExitCode::Usage && is_by_description(&again) {
            true => self.verb(again, output),
            false => result,
        }
    }

    fn verb(&mut self, verb: Verb, output: Output) -> Result<(), Failure> {
        match verb {
            Verb::Lease(options) if options.command.is_empty() => {
                self.leases.lease(self.session, &options, output)
            }
            Verb::Release(options) => self.leases.release(self.session, &options, output),
            Verb::Shell => Err(Failure::usage(
                "this is the shell already; `exit` leaves it",
            )),
            verb => commands::run(self.session, verb, output),
        }
    }

    /// The command that was probably meant by a name that nothing has.
    fn command_like(&self, name: &str) -> Option<String> {
        use ipc_client::MethodKind::{Call, Get, Set};
        let server = self.session.client.dynamic().known_description()?;
        let is_known = [Call, Get, Set]
            .iter()
            .any(|kind| server.find(name, *kind).is_ok());
        if is_known || name.contains('.') {
            return None;
        }
        let verbs = grammar::verbs();
        nearest(name, verbs.iter().map(String::as_str)).map(Into::into)
    }
}

/// A script that a value is read from would lose its other lines.
fn refuse_input(line: &str) -> Result<(), Failure> {
    let words = split::split(line).words;
    let is_input = |word: &split::Word| word.text == "-" || word.text.ends_with("=-");
    match words.iter().any(is_input) {
        true => Err(Failure::usage(
            "`-` is standard input, from which this shell reads its lines; use a file: @file.json, @file.npy",
        )),
        false => Ok(()),
    }
}

/// Returns true for what depends on the description of the server.
fn is_by_description(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Call(_) | Verb::Get(_) | Verb::Set(_) | Verb::Monitor(_)
    )
}

fn with_hint(failure: Failure, verb: &str) -> Failure {
    match failure {
        Failure::Failed { code, text } => {
            let text = format!("{text}; did you mean the command `{verb}`?");
            Failure::Failed { code, text }
        }
        failure => failure,
    }
}

fn editor(session: &Session) -> rustyline::Result<Editor<Completion, FileHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .bell_style(BellStyle::None)
        .history_ignore_space(true)
        .max_history_size(HISTORY)?
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Completion::new(&session.client)));
    Ok(editor)
}

fn prompt(session: &Session) -> String {
    let server = &session.server;
    let name = server.name.as_ref().unwrap_or(&server.address);
    format!("ipc {}> ", fit_to_show(name))
}

fn no_terminal(error: &ReadlineError) -> Failure {
    Failure::new(
        ExitCode::Driver,
        format!("cannot read from the terminal: {error}"),
    )
}

/// Number of lines that are kept.
const HISTORY: usize = 2000;
