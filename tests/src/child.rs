//! Servers and clients as separate processes, which tests can kill.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::wait::{until, within};
use crate::way::{SECRET, Way};

/// A process that dies with the test.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Peer {
    /// Starts a server at `port` (0 for any) and returns it with its address. `program` is the path of `peer`.
    pub fn server(program: &str, way: Way, port: u16, stop_timeout: Duration) -> (Self, String) {
        Self::server_by(serve(program, way, port, stop_timeout))
    }

    /// Starts a server that does not log its calls. What a server logs takes memory in this process.
    pub fn quiet_server(program: &str, way: Way) -> (Self, String) {
        let mut command = serve(program, way, 0, Duration::from_secs(5));
        command.env(QUIET, "1");
        Self::server_by(command)
    }

    /// Starts a server that asks a holder to leave after `idle`, if other clients wait.
    pub fn server_with_handover(program: &str, way: Way, idle: Duration) -> (Self, String) {
        let mut command = Command::new(program);
        command.args(["serve", &secret(way), "0", "5000"]);
        command.arg(idle.as_millis().to_string());
        Self::server_by(command)
    }

    /// Starts a server by the given command.
    pub fn server_by(command: Command) -> (Self, String) {
        let peer = Self::start(command);
        let address = peer.expect("Serving on ");
        (peer, address)
    }

    /// Starts a client of the server at `address`, which waits for [commands](Self::tell).
    pub fn client(program: &str, way: Way, address: &str, name: &str) -> Self {
        let mut command = Command::new(program);
        command.args(["client", &secret(way), address, name]);
        Self::start(command)
    }

    /// Starts a process, such as a client, by the given command.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let said = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        listen(stdout.expect("piped"), Arc::clone(&said));
        listen(stderr.expect("piped"), Arc::clone(&said));
        Self { child, said }
    }

    /// Returns everything it has printed so far, on both outputs.
    pub fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until a line contains `words`, and returns the rest of that line.
    pub fn expect(&self, words: &str) -> String {
        let mut rest = None;
        let said = || self.said();
        until(&format!("the process says `{words}`"), || {
            rest = said()
                .lines()
                .find_map(|line| Some(line.split_once(words)?.1.to_string()));
            rest.is_some()
        });
        rest.expect("it was said")
    }

    /// Sends a command to a client.
    pub fn tell(&mut self, what: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{what}").expect("a process that reads");
    }

    /// Sends a signal: `INT`, `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        assert!(killed.expect("the command `kill`").success());
    }

    /// Stops the process, and returns when all of its threads have stopped.
    #[cfg(unix)]
    pub fn stop(&self) {
        use rustix::process::{Pid, WaitOptions, waitpid};
        self.signal("STOP");
        let stopped = waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED);
        let (_, status) = stopped.expect("a child").expect("it has changed");
        assert!(status.stopped(), "{status:?}");
    }

    /// Kills the process and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// Waits for the process to end.
    pub fn await_exit(&mut self, bound: Duration) -> ExitStatus {
        let mut status = None;
        within(bound, "the process ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- process {} said:\n{}", self.child.id(), self.said());
        }
    }
}

/// The command that starts a server.
fn serve(program: &str, way: Way, port: u16, stop_timeout: Duration) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", &secret(way), &port.to_string()]);
    command.arg(stop_timeout.as_millis().to_string());
    command
}

/// The environment variable that makes a peer log warnings only.
pub const QUIET: &str = "PEER_QUIET";

/// The file with the secret, or `-` for none.
fn secret(way: Way) -> String {
    match way {
        Way::Plain => "-".into(),
        Way::Secret => secret_file().display().to_string(),
    }
}

/// Creates a file with the secret of all servers.
pub fn secret_file() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let path = std::env::temp_dir().join(format!("e2e-word-{}", std::process::id()));
        std::fs::write(&path, SECRET).expect("a writable directory for temporary files");
        path
    };
    FILE.get_or_init(write).clone()
}

fn listen(output: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
}
