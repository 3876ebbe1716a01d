//! The program at a terminal that a test can type at, resize and read: one of tmux.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A terminal with the program in it. Both end with the test, also with one that fails.
pub struct Terminal {
    /// The name of the socket of this terminal's own tmux server.
    socket: String,
}

/// Returns false, and says so, if there is no tmux; fails if `IPC_REQUIRE_INTEROP` is set.
pub fn is_available() -> bool {
    let is_there = Command::new("tmux").arg("-V").output().is_ok();
    let is_required = std::env::var_os("IPC_REQUIRE_INTEROP").is_some();
    assert!(is_there || !is_required, "tmux is required and missing");
    if !is_there {
        println!("skipped: tmux is missing");
    }
    is_there
}

impl Terminal {
    /// Runs `command`, with its arguments and environment, in a terminal of this width and height.
    pub fn start(command: &Command, (width, height): (u16, u16)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("ipc-cli-{}-{count}", std::process::id()),
        };
        let mut tmux = terminal.tmux(&["start-server", ";"]);
        tmux.args(["set-option", "-g", "remain-on-exit", "on", ";"]);
        tmux.args(["new-session", "-d"]);
        tmux.args(["-x", &width.to_string(), "-y", &height.to_string(), "--"]);
        tmux.arg(command.get_program()).args(command.get_args());
        // The environment of the server is that of the program.
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => tmux.env(name, value),
                None => tmux.env_remove(name),
            };
        }
        succeeded(tmux.env_remove("TMUX"));
        terminal
    }

    /// Types a text.
    pub fn keys(&self, text: &str) {
        self.run(&["send-keys", "-l", "--", text]);
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.keys(text);
        self.key("Enter");
    }

    /// Presses a key by the name that tmux gives it: `Enter`, `C-c`, `Tab`.
    pub fn key(&self, name: &str) {
        self.run(&["send-keys", name]);
    }

    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.run(&["resize-window", "-x", &width, "-y", &height]);
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until this is the end of what is on the screen.
    #[track_caller]
    pub fn ends_in(&self, text: &str) {
        self.wait_until(text, |screen| screen.trim_end().ends_with(text));
    }

    /// Waits until the screen is as it should be. Returns what is on it.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: not in\n{screen}");
            sleep(LOOK);
        }
    }

    /// Waits until the program has ended. Returns its exit code.
    #[track_caller]
    pub fn end(&self) -> i32 {
        let begun = Instant::now();
        loop {
            let status = self.run(&["display-message", "-p", "#{pane_dead}:#{pane_dead_status}"]);
            match status.trim().strip_prefix("1:") {
                // tmux sometimes misses the end of a program, and learns of it with that of the next one.
                Some("") => drop(self.run(&["run-shell", "true"])),
                Some(code) => return code.parse().unwrap(),
                None => {}
            }
            let screen = self.screen();
            assert!(begun.elapsed() < PATIENCE, "it goes on:\n{screen}");
            sleep(LOOK);
        }
    }

    fn run(&self, words: &[&str]) -> String {
        let output = succeeded(&mut self.tmux(words));
        String::from_utf8(output.stdout).unwrap()
    }

    fn tmux(&self, words: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-u", "-L", &self.socket, "-f", "/dev/null"]);
        tmux.args(words);
        tmux
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self
            .tmux(&["display-message", "-p", "#{socket_path}"])
            .output();
        let _ = self.tmux(&["kill-server"]).output();
        // tmux leaves it behind.
        if let Ok(socket) = socket {
            let _ = std::fs::remove_file(String::from_utf8_lossy(&socket.stdout).trim());
        }
    }
}

#[track_caller]
fn succeeded(tmux: &mut Command) -> Output {
    let output = tmux.output().unwrap();
    assert!(output.status.success(), "{tmux:?}: {output:?}");
    output
}

/// Time between two looks at the screen.
const LOOK: Duration = Duration::from_millis(30);
