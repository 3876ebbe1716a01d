//! The program at a terminal that a test can type at and read.

#![allow(dead_code, reason = "each test uses a part")]

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::lab::{Lab, PATIENCE};

/// A terminal in a tmux server of its own, which ends with the test.
pub struct Terminal {
    socket: String,
}

/// Says why a test is skipped, if there is no tmux. Where everything has to be tested, that is a failure.
pub fn is_missing() -> bool {
    let version = Command::new("tmux").arg("-V").output();
    let is_missing = version.is_err();
    if is_missing {
        let is_required = std::env::var_os("IPC_REQUIRE_INTEROP").is_some();
        assert!(!is_required, "tmux is missing");
        eprintln!("skipped: tmux is missing");
    }
    is_missing
}

impl Terminal {
    /// Runs the program with these words.
    pub fn new(lab: &Lab, words: &str) -> Self {
        Self::with(lab, words, &[])
    }

    /// The same with variables of the environment.
    pub fn with(lab: &Lab, words: &str, variables: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let socket = format!("ipc-test-{}-{count}", std::process::id());
        let terminal = Self { socket };
        let program = env!("CARGO_BIN_EXE_ipc");
        let assigned = variables
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "));
        let assigned: String = assigned.collect();
        // What comes after the program shows that it has ended, and how. Ctrl-C does not end the script.
        let script = format!(
            "trap : INT; env {assigned}'{program}' {words}; echo \"ended with $?\"; exec cat"
        );
        let mut tmux = terminal.tmux();
        tmux.args([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "40",
            "sh",
            "-c",
            &script,
        ]);
        let command = lab.command(&[]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => tmux.env(name, value),
                None => tmux.env_remove(name),
            };
        }
        // Not even root can make a directory there: no history, unless the test names a place for it.
        tmux.env("XDG_DATA_HOME", "/dev/null/data");
        tmux.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        assert!(tmux.status().unwrap().success());
        terminal
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket]);
        tmux
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let output = self.tmux().args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types text, without Enter.
    #[track_caller]
    pub fn write(&self, text: &str) {
        self.run(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key: `Enter`, `Tab`, `C-c`, `Up`.
    #[track_caller]
    pub fn press(&self, key: &str) {
        self.run(&["send-keys", key]);
    }

    /// Types a line.
    #[track_caller]
    pub fn line(&self, text: &str) {
        self.write(text);
        self.press("Enter");
    }

    #[track_caller]
    pub fn resize(&self, columns: u32, rows: u32) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.run(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// What the terminal shows, with what has scrolled out of it.
    #[track_caller]
    pub fn shown(&self) -> String {
        self.run(&["capture-pane", "-p", "-S", "-"])
    }

    /// Waits until the terminal shows this. Returns all that it shows.
    #[track_caller]
    pub fn until(&self, is_shown: impl Fn(&str) -> bool, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            if is_shown(&shown) {
                return shown;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "`{what}` did not come:\n{shown}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Waits for a text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until(|shown| shown.contains(text), text)
    }

    /// Waits until the last line is this.
    #[track_caller]
    pub fn ends_in(&self, text: &str) -> String {
        self.until(|shown| shown.trim_end().ends_with(text), text)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self
            .tmux()
            .arg("kill-server")
            .stderr(Stdio::null())
            .status();
    }
}
