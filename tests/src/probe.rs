//! A client that knows the protocol and the secret but can violate the protocol.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ipc_core::secure::{Entropy, Secret, SecureChannel, Ticket};
use ipc_core::session::client::{ClientConfig, ClientSession, Event};
use ipc_core::session::link::Link;
use ipc_core::wire::preamble::Role;
use socket2::{Domain, Socket, Type};

use crate::way::{SECRET, Way};

/// A connection controlled by a test.
#[derive(Debug)]
pub struct Probe {
    /// The socket.
    pub stream: TcpStream,
    /// The correct implementation behind it.
    pub session: ClientSession,
}

impl Probe {
    /// Connects and sends `Hello` as `name`, without waiting for a reply.
    pub fn hello(way: Way, server: SocketAddr, name: &str) -> Self {
        let config = ClientConfig {
            name: name.into(),
            ..ClientConfig::default()
        };
        Self::with_session(way, server, ClientSession::new(config))
    }

    /// Connects for a session that may have had other connections before.
    pub fn with_session(way: Way, server: SocketAddr, mut session: ClientSession) -> Self {
        let stream = TcpStream::connect(server).expect("the server listens");
        let bound = Some(Duration::from_secs(20));
        stream.set_read_timeout(bound).expect("a bound");
        stream.set_nodelay(true).expect("no delay");
        let max_frame = 1 << 20;
        let link = match way {
            Way::Plain => Link::plain(Role::Client, max_frame),
            Way::Secret => {
                // Not secret: repeatable, and for tests only.
                let entropy = Entropy::gather(fill).expect("bytes");
                let secret = Secret::new(SECRET).expect("a secret");
                Link::secret(Role::Client, &secret, "", entropy, max_frame)
            }
        };
        session.connect(link, Instant::now());
        let mut probe = Self { stream, session };
        probe.flush();
        probe
    }

    /// Connects and waits until the session is established.
    pub fn ready(way: Way, server: SocketAddr, name: &str) -> Self {
        let mut probe = Self::hello(way, server, name);
        probe.await_ready();
        probe
    }

    /// Waits until the session is established.
    pub fn await_ready(&mut self) {
        while !self.session.is_ready() {
            assert!(self.read(), "turned away: {:?}", self.events());
        }
    }

    /// Sends `frame` unchecked.
    pub fn send(&mut self, frame: Vec<u8>) {
        self.session.call(frame, false, None, Instant::now());
        self.flush();
    }

    /// Reads once; false if the connection has ended.
    pub fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.session.handle_eof(None),
            Ok(count) => self.session.handle_input(&buffer[..count], Instant::now()),
            Err(error) => {
                let text = format!("{error} ({:?})", error.kind());
                let timed_out = error.kind() == io::ErrorKind::WouldBlock;
                assert!(!timed_out, "the server says nothing and does not close");
                self.session.handle_eof(Some(text));
            }
        }
        self.flush();
        !self.session.is_disconnected()
    }

    /// Reads until the server ends the connection.
    pub fn await_end(&mut self) -> Vec<Event> {
        while self.read() {}
        self.events()
    }

    /// Returns the events so far.
    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// Returns the address under which the server sees this client.
    pub fn address(&self) -> String {
        self.stream.local_addr().expect("an address").to_string()
    }

    fn flush(&mut self) {
        while !self.session.transmit().is_empty() {
            match self.stream.write(self.session.transmit()) {
                Ok(count) => self.session.consume(count),
                Err(_) => return,
            }
        }
    }
}

/// Returns a frame with the control number `ctrl`.
pub fn frame(ctrl: u16, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len() + 2).expect("a short frame");
    [&len.to_le_bytes()[..], &ctrl.to_le_bytes(), payload].concat()
}

/// Returns the payload of a call of `method` by name, without its arguments.
pub fn call_header(method: &str) -> Vec<u8> {
    let mut payload = vec![0; 32];
    payload.extend((method.len() as u64).to_le_bytes());
    payload.extend(method.as_bytes());
    payload
}

/// Connects from `source`, which may be any address of this computer, such as those in 127.0.0.0/8.
///
/// # Errors
///
/// Those of the system.
pub fn connect_from(source: SocketAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    socket.bind(&source.into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// A client in the middle of the handshake: it has received the server's first message and not yet sent its proof.
#[derive(Debug)]
pub struct HalfWay {
    stream: TcpStream,
    channel: SecureChannel,
}

impl HalfWay {
    /// Connects and waits for the server's share.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn reach(stream: TcpStream, secret: &str) -> io::Result<Self> {
        Self::reach_with(stream, secret, None)
    }

    /// Connects with a ticket and waits for the server's share.
    ///
    /// # Errors
    ///
    /// Those of the system; the end of the stream if the server does not listen.
    pub fn reach_with(
        mut stream: TcpStream,
        secret: &str,
        ticket: Option<Ticket>,
    ) -> io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut entropy = Entropy::gather(fill)?;
        if let Some(ticket) = ticket {
            entropy = entropy.with_ticket(ticket);
        }
        let secret = Secret::new(secret).expect("a secret");
        let mut channel = SecureChannel::client(&secret, "", entropy);
        stream.write_all(channel.transmit())?;
        channel.consume(usize::MAX);
        let mut share = [0; 56];
        stream.read_exact(&mut share)?;
        let heard = channel.handle_input(&share, &mut Vec::new());
        heard.expect("a server that speaks the protocol");
        Ok(Self { stream, channel })
    }

    /// Sends the proof. Returns the server's reply: its own proof, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn prove(&mut self) -> io::Result<Vec<u8>> {
        self.stream.write_all(self.channel.transmit())?;
        let mut answer = vec![0; 64];
        let count = self.stream.read(&mut answer)?;
        answer.truncate(count);
        // The reply may be wrong or missing.
        let _ = self.channel.handle_input(&answer, &mut Vec::new());
        Ok(answer)
    }

    /// Returns the ticket for the next connection, if the proof was right.
    pub fn ticket(&self) -> Option<Ticket> {
        self.channel.ticket()
    }
}

/// Tries a wrong secret. Returns the server's reply, which is empty if the server did not reply.
///
/// # Errors
///
/// Those of the system.
pub fn guess(mut stream: TcpStream) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let entropy = Entropy::gather(fill)?;
    let wrong = Secret::new("a wrong one").expect("a secret");
    let mut channel = SecureChannel::client(&wrong, "", entropy);
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    loop {
        stream.write_all(channel.transmit())?;
        channel.consume(usize::MAX);
        let count = stream.read(&mut buffer)?;
        heard.extend_from_slice(&buffer[..count]);
        let answered = channel.handle_input(&buffer[..count], &mut Vec::new());
        if count == 0 || answered.is_err() {
            return Ok(heard);
        }
    }
}

/// Sends `bytes` to a server and reads until it closes the connection.
pub fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a server that listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a bound");
    // The server may close before it has read all of them.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    answer
}

/// Returns random bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    std::fs::File::open("/dev/urandom")?.read_exact(bytes)
}
