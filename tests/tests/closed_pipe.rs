//! A script whose standard output is a pipe closed by its reader, as in `script | head`, where printing panics.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use tests::child::secret_file;
use tests::{Bench, Way, both_ways};

both_ways!(a_script_that_prints_its_notices_into_a_closed_pipe_goes_on);

/// Regression test: the script was aborted (SIGABRT), because the notice panicked in a call and again in the destructor
/// of the client.
fn a_script_that_prints_its_notices_into_a_closed_pipe_goes_on(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let secret = match way {
        Way::Plain => "-".into(),
        Way::Secret => secret_file().display().to_string(),
    };
    let mut script = Command::new(env!("CARGO_BIN_EXE_peer"))
        .args(["watch", &secret, &server.local_addr().to_string()])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // `head` has seen enough.
    drop(script.stdout.take());
    script.stdin.take().unwrap().write_all(b"begin\n").unwrap();
    let mut said = String::new();
    let mut stderr = script.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let status = script.wait().unwrap();
    assert!(status.success(), "{status}: {said}");
    for words in ["`on_state` panicked: failed printing", "ok 1", "ok 2"] {
        assert!(said.contains(words), "`{words}` in: {said}");
    }
    let end: Vec<_> = said.lines().rev().take(2).collect();
    assert_eq!(end, ["safe", "over"], "{said}");
}
