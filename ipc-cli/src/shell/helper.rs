//! Completion for the line editor.

use ipc_client::Client;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::complete::proposals;

/// Completes lines by what the server offers, as far as that is known.
pub(super) struct Completion {
    client: Client,
    files: FilenameCompleter,
}

impl Completion {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            files: FilenameCompleter::new(),
        }
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        // Never waits for the server: the description is read elsewhere.
        let known = self.client.dynamic().known_description();
        let before = line.get(..pos).unwrap_or(line);
        let proposals = proposals(before, &known.unwrap_or_default());
        if proposals.files {
            return self.files.complete_path(line, pos);
        }
        let pairs = proposals.words.into_iter().map(|proposal| Pair {
            display: proposal.shown,
            replacement: proposal.text,
        });
        Ok((proposals.start, pairs.collect()))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}
