//! A client that completes the handshake, if there is one, and then sends arbitrary bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ipc_core::secure::{Entropy, Secret, SecureChannel};
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::Hello;
use ipc_core::wire::preamble::{Preamble, Role, Suite};

use crate::probe::{fill, frame};
use crate::way::{SECRET, Way};

/// The connection.
#[derive(Debug)]
pub struct Raw {
    /// The socket.
    pub stream: TcpStream,
    channel: Option<SecureChannel>,
    heard: Vec<u8>,
}

impl Raw {
    /// Connects, up to the point where the first frame is due.
    pub fn connect(way: Way, server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a server that listens");
        let bound = Some(Duration::from_secs(20));
        stream.set_read_timeout(bound).expect("a bound");
        let channel = (way == Way::Secret).then(|| {
            let entropy = Entropy::gather(fill).expect("bytes");
            SecureChannel::client(&Secret::new(SECRET).expect("a secret"), "", entropy)
        });
        let mut raw = Self {
            stream,
            channel,
            heard: Vec::new(),
        };
        if raw.channel.is_none() {
            let (suite, role) = (Suite::Plain, Role::Client);
            let preamble = Preamble::new(suite, role).encode();
            raw.stream.write_all(&preamble).expect("a server");
        }
        raw.flush();
        while raw.channel.as_ref().is_some_and(|it| !it.is_established()) {
            assert!(raw.read(), "the handshake fails");
        }
        raw
    }

    /// Sends these bytes, under the secret if there is one. The server may already have closed the connection.
    pub fn say(&mut self, bytes: &[u8]) {
        match &mut self.channel {
            Some(channel) => channel.send(bytes).expect("established"),
            None => drop(self.stream.write_all(bytes)),
        }
        self.flush();
    }

    /// Waits for bytes from the server and discards them.
    pub fn await_word(&mut self) {
        while self.heard.len() <= Preamble::LEN {
            assert!(self.read(), "the server hangs up");
        }
        self.heard = Vec::new();
    }

    /// Waits until the server closes the connection.
    pub fn await_end(mut self) {
        while self.read() {}
    }

    /// Reads once; false if the connection has ended.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = match self.stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                0
            }
        };
        match &mut self.channel {
            Some(channel) => {
                let opened = channel.handle_input(&buffer[..count], &mut self.heard);
                opened.expect("an honest server");
            }
            None => self.heard.extend_from_slice(&buffer[..count]),
        }
        self.flush();
        count > 0
    }

    fn flush(&mut self) {
        if let Some(channel) = &mut self.channel {
            let _ = self.stream.write_all(channel.transmit());
            channel.consume(usize::MAX);
        }
    }
}

/// The first frame of a client.
pub fn hello(name: &str) -> Vec<u8> {
    let hello = Hello {
        connection: 1,
        name: name.into(),
        max_frame: 1 << 20,
        ..Hello::default()
    };
    let mut payload = Vec::new();
    codec::encode(&hello, &mut payload, codec::MAX_VALUE).expect("a short hello");
    frame(1, &payload)
}
