//! A client and a server that share no code with this project: `interop/lipc.py`, libsodium and python-cryptography.
//!
//! Needs `python3` with `venv`, and a place from which `pip` gets the pinned packages. Where they are missing the tests
//! say so and pass; with `IPC_REQUIRE_INTEROP=1` in the environment they fail instead.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

use ipc_core::secure::{ChannelError, Entropy, Secret, SecureChannel};
use ipc_core::wire::preamble::{Cipher, Ciphers};

const RECORDS: usize = 1000;
/// The ciphers, each with a set by which a peer that has both agrees on it.
const CIPHERS: [(Cipher, Ciphers); 2] = [
    (Cipher::ChaCha20Poly1305, Ciphers::CHACHA20_POLY1305),
    (Cipher::Aes256Gcm, Ciphers::ALL),
];
const SERVICE: &str = "bench/é";
const SECRET: &str = "waktu é";
/// The same characters, the accent on its own.
const SECRET_DECOMPOSED: &str = "waktu e\u{301}";

#[test]
fn python_reproduces_the_frozen_vectors() {
    let Some(python) = python() else { return };
    let vectors =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/tests/vectors/lipc1.json");
    let output = lipc(python)
        .arg("vectors")
        .arg(vectors)
        .output()
        .expect("run lipc.py");
    // Three cases, each 12 values at both ends and 3 records each way.
    assert_eq!(text(&output), "ok 90");
}

#[test]
fn a_python_client_talks_to_a_rust_server() {
    let Some(python) = python() else { return };
    for (cipher, ciphers) in CIPHERS {
        let (child, stream) = python_client(python, SECRET_DECOMPOSED, ciphers);
        let mut server = Connection::new(stream, Role::Server, SECRET);
        server.establish().expect("an honest client");
        assert_eq!(server.channel.cipher(), Some(cipher));
        let echoed = server.echo_until_close().expect("an honest client");
        assert!(echoed > RECORDS * 100, "only {echoed} bytes");
        assert_eq!(text(&finish(child)), format!("ok {RECORDS}"));
    }
}

#[test]
fn a_rust_client_talks_to_a_python_server() {
    let Some(python) = python() else { return };
    for (cipher, ciphers) in CIPHERS {
        talk_to_a_python_server(python, cipher, ciphers);
    }
}

fn talk_to_a_python_server(python: &Path, cipher: Cipher, ciphers: Ciphers) {
    let (child, stream) = python_server(python, SECRET, ciphers);
    let mut client = Connection::new(stream, Role::Client, SECRET_DECOMPOSED);
    client.establish().expect("an honest server");
    assert_eq!(client.channel.cipher(), Some(cipher));
    for i in 0..RECORDS {
        let size = if i % 250 == 0 { 65_517 } else { 1 + i % 500 };
        let data: Vec<u8> = (0..size).map(|byte| (byte * 31 + i) as u8).collect();
        client.channel.send(&data).expect("established");
        client.flush();
        while client.plaintext.len() < size {
            assert!(client.receive().expect("an honest server"), "early end");
        }
        assert!(client.plaintext == data, "record {i} comes back changed");
        client.plaintext.clear();
    }
    client.channel.close();
    client.flush();
    while client.receive().expect("a close and no truncation") {}
    assert_eq!(text(&finish(child)), format!("ok {RECORDS}"));
}

#[test]
fn a_wrong_secret_is_refused_both_ways() {
    let Some(python) = python() else { return };
    let (child, stream) = python_client(python, "air", Ciphers::ALL);
    let mut server = Connection::new(stream, Role::Server, SECRET);
    assert_eq!(server.establish(), Err(ChannelError::WrongSecret));
    drop(server);
    let output = finish(child);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).starts_with("refused: "));

    let (child, stream) = python_server(python, "air", Ciphers::ALL);
    let mut client = Connection::new(stream, Role::Client, SECRET);
    assert_eq!(client.establish(), Err(ChannelError::NotConfirmed));
    drop(client);
    let output = finish(child);
    assert_eq!(text(&output), "refused: wrong proof of the client");
}

/// Which end this process is.
#[derive(Clone, Copy)]
enum Role {
    Client,
    Server,
}

/// A channel and its socket.
struct Connection {
    channel: SecureChannel,
    stream: TcpStream,
    plaintext: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream, role: Role, secret: &str) -> Self {
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        let entropy = Entropy::gather(getrandom::fill).expect("randomness");
        // Both ciphers, whatever the processor has instructions for.
        let secret = Secret::new(secret).expect("a secret");
        let secret = secret.with_ciphers(Ciphers::ALL);
        let channel = match role {
            Role::Client => SecureChannel::client(&secret, SERVICE, entropy),
            Role::Server => SecureChannel::server(&secret, SERVICE, entropy),
        };
        let mut connection = Self {
            channel,
            stream,
            plaintext: Vec::new(),
        };
        connection.flush();
        connection
    }

    fn establish(&mut self) -> Result<(), ChannelError> {
        while !self.channel.is_established() {
            self.receive()?;
        }
        Ok(())
    }

    /// Reads once and sends the replies of the channel. Returns whether more may arrive.
    fn receive(&mut self) -> Result<bool, ChannelError> {
        let mut buffer = [0; 8192];
        let n = match self.stream.read(&mut buffer) {
            Ok(n) => n,
            // A peer that closes with unread bytes resets the connection: to the channel that is an end like any other.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error}"),
        };
        if n == 0 {
            self.channel.handle_eof()?;
            return Ok(false);
        }
        let result = self.channel.handle_input(&buffer[..n], &mut self.plaintext);
        self.flush();
        result.map(|()| true)
    }

    fn echo_until_close(&mut self) -> Result<usize, ChannelError> {
        let mut echoed = 0;
        while !self.channel.is_closed_by_peer() {
            self.receive()?;
            if !self.plaintext.is_empty() {
                self.channel.send(&self.plaintext)?;
                echoed += self.plaintext.len();
                self.plaintext.clear();
                self.flush();
            }
        }
        self.channel.close();
        self.flush();
        Ok(echoed)
    }

    fn flush(&mut self) {
        let written = self.stream.write_all(self.channel.transmit());
        written.expect("a peer that reads");
        self.channel.consume(usize::MAX);
    }
}

fn python_client(python: &Path, secret: &str, ciphers: Ciphers) -> (Child, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let child = lipc(python)
        .env("IPC_SECRET", secret)
        .args(["client", &port.to_string(), &RECORDS.to_string(), SERVICE])
        .arg(ciphers.bits().to_string())
        .spawn()
        .expect("run lipc.py");
    let (stream, _) = listener.accept().expect("its connection");
    (child, stream)
}

fn python_server(python: &Path, secret: &str, ciphers: Ciphers) -> (Child, TcpStream) {
    let mut child = lipc(python)
        .env("IPC_SECRET", secret)
        .args(["server", &RECORDS.to_string(), SERVICE])
        .arg(ciphers.bits().to_string())
        .spawn()
        .expect("run lipc.py");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("piped");
    // Byte by byte would do as well: the server says nothing more before it is done.
    BufReader::with_capacity(1, stdout)
        .read_line(&mut line)
        .expect("its port");
    let port: u16 = line.trim().parse().expect("its port");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    (child, stream)
}

fn lipc(python: &Path) -> Command {
    tests::python::program(python, "lipc.py")
}

/// Python, if it can be had.
fn python() -> Option<&'static Path> {
    tests::python::interpreter(env!("CARGO_TARGET_TMPDIR"))
}

fn finish(child: Child) -> Output {
    child.wait_with_output().expect("its end")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
