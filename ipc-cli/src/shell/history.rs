//! Where the lines of earlier shells are.

use std::path::PathBuf;

use rustyline::history::History;
use rustyline::{Editor, Helper};

use crate::hosts::{directory, home};

/// The file with earlier lines. Without it, the shell works as well, and forgets them.
pub(super) struct Lines {
    path: Option<PathBuf>,
}

impl Lines {
    /// Reads the earlier lines.
    pub(super) fn load<H: Helper, I: History>(editor: &mut Editor<H, I>) -> Self {
        let path = path().filter(|path| {
            let parent = path.parent();
            parent.is_some_and(|parent| std::fs::create_dir_all(parent).is_ok())
        });
        if let Some(path) = &path {
            // There is none yet for the first shell.
            let _ = editor.load_history(path);
        }
        Self { path }
    }

    /// Adds a line, also for shells that are started later.
    pub(super) fn add<H: Helper, I: History>(&mut self, line: &str, editor: &mut Editor<H, I>) {
        let is_new = editor.add_history_entry(line).unwrap_or(false);
        if is_new
            && let Some(path) = &self.path
            && editor.append_history(path).is_err()
        {
            self.path = None;
        }
    }
}

fn path() -> Option<PathBuf> {
    let directory = match cfg!(windows) {
        true => directory("APPDATA"),
        false => directory("XDG_DATA_HOME").or_else(|| Some(home()?.join(".local").join("share"))),
    };
    Some(directory?.join("ipc").join("history"))
}
