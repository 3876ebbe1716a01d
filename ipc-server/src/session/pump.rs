//! What the threads that serve one client share: its session, its connection, and what runs.

use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipc_core::session::server::ServerSession;
use ipc_core::wire::ctrl::{ByeReason, Hello};
use ipc_core::wire::frame::ReplyFrame;
use ipc_core::wire::message::IncomingCall;
use ipc_hub::calls::RunningCalls;
use ipc_hub::driver_call::{DriverCall, Returned};
use ipc_hub::party::Party;
use ipc_hub::stay::Stay;
use ipc_hub::work::Work;
use ipc_hub::{CurrentOffers, Hub};

use super::fences::KnownFences;
use super::handover::Handover;
use super::interruption::{Told, Wants};
use super::reader::{Received, SocketReader};
use super::write_queue::{WriteQueue, WriteTurn};
use crate::connection::Connection;
use crate::session::activity::Activity;

/// A session and its connection.
///
/// The lock around it is held while input is handled or output is queued, and, as long as one thread alone serves the
/// client, while that thread writes. It is never held while a driver runs or a thread waits for bytes.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) session: Box<ServerSession>,
    stream: Option<Arc<TcpStream>>,
    pub(super) handover: Handover<Box<SocketReader>>,
    pub(super) running: RunningCalls,
    /// How long the client keeps the server.
    pub(super) stay: Stay,
    /// The client program; `None` until it is first served.
    pub(super) party: Option<Arc<Party>>,
    pub(super) told: Told,
    pub(super) fences: KnownFences,
    /// The lease epoch of the last stay of the client; 0 before the first one.
    pub(super) lease_epoch: u64,
    write_turn: WriteTurn,
    /// True while the thread that owns the reader waits for calls to end.
    pub(super) is_awaited: bool,
    /// The name and address of the client.
    pub(super) client: Arc<str>,
}

/// A call that a thread has taken over, with the time until which its caller waits.
pub(super) type TakenCall = (IncomingCall, Option<Instant>);

impl Pump {
    /// Returns the number of a running call if its caller waits for it, and so will read a refusal.
    pub(super) fn awaited(&self, call: u64) -> Option<u64> {
        let running = self.running.get(call);
        running
            .filter(|running| !running.is_given_up())
            .map(|_| call)
    }

    pub(super) fn new(session: Box<ServerSession>) -> Self {
        Self {
            session,
            stream: None,
            handover: Handover::new(),
            running: RunningCalls::default(),
            // The next client that is served begins another one.
            stay: Stay::new(Duration::ZERO),
            party: None,
            told: Told::default(),
            fences: KnownFences::default(),
            lease_epoch: 0,
            write_turn: WriteTurn::default(),
            is_awaited: false,
            client: "".into(),
        }
    }

    /// Begins to serve a client. Returns the number of the tenure.
    pub(super) fn begin_tenure(&mut self, stay: Stay) -> u64 {
        self.end_tenure();
        self.stay = stay;
        self.handover.tenure()
    }

    /// Ends serving the client. Returns true if a companion waits, which has to be woken.
    pub(super) fn end_tenure(&mut self) -> bool {
        self.is_awaited = false;
        self.handover.end_tenure()
    }

    /// Serves the client over another connection from now on.
    pub(super) fn attach(
        &mut self,
        reader: &mut SocketReader,
        connection: Connection,
        hello: &Hello,
        lease_epoch: u64,
        activity: &Activity,
    ) {
        let Connection { stream, link, peer } = connection;
        self.told.follow(Wants::of(&hello.features));
        let stream = Arc::new(stream);
        activity.connected(peer, Some(Arc::clone(&stream)), Instant::now());
        self.client = activity.with_address(&hello.name).into();
        self.session.attach(link, hello, lease_epoch);
        self.stay.resume();
        reader.attach(Arc::clone(&stream));
        self.stream = Some(stream);
    }

    /// Handles what `reader` has read. In `offers`, a long call of which a part has come finds the types of its arguments.
    pub(super) fn take_in(
        &mut self,
        reader: &mut SocketReader,
        activity: &Activity,
        offers: &CurrentOffers,
        now: Instant,
    ) {
        match reader.take() {
            Received::Nothing => {}
            // A thread that asks this one to leave shuts the reading half of the socket.
            Received::Ended if activity.is_asked_to_leave() => {}
            Received::Ended => {
                self.take_back_partial(reader, now);
                self.session.handle_eof(None);
            }
            Received::Bytes(bytes) => {
                activity.add_received(bytes.len());
                self.session.handle_buffer(bytes, now);
                self.after_input(reader, activity, offers, now);
            }
            Received::Part(mut partial, count) => {
                activity.add_received(count);
                partial.advance(count);
                self.session.handle_partial(partial, now);
                self.after_input(reader, activity, offers, now);
            }
            Received::Failed(error) => self.session.handle_eof(Some(error.to_string())),
        }
    }

    /// Takes back the long frame that `reader` reads, so that what comes next is read into its buffer.
    pub(super) fn take_back_partial(&mut self, reader: &mut SocketReader, now: Instant) {
        if let Some(partial) = reader.take_partial() {
            self.session.handle_partial(partial, now);
        }
    }

    fn after_input(
        &mut self,
        reader: &mut SocketReader,
        activity: &Activity,
        offers: &CurrentOffers,
        now: Instant,
    ) {
        if self.session.has_partial() {
            self.read_on(reader, offers);
        }
        self.note_cancelled(activity, now);
    }

    /// Has `reader` read the rest of a long frame into the frame's own memory.
    #[cold]
    fn read_on(&mut self, reader: &mut SocketReader, offers: &CurrentOffers) {
        // The search for lists runs a `Deserialize`, under the lock of this. It may wait for what a driver holds, and a driver
        // that asks whether it was cancelled waits for the lock.
        if self.is_alone() && !self.session.has_waiting() {
            self.session
                .explain_partial(|method, fingerprint| offers.load().probe_of(method, fingerprint));
        }
        if let Some(partial) = self.session.take_partial() {
            reader.go_on_with(partial);
        }
    }

    /// Notes which calls the client has cancelled. They no longer count as its use of the server.
    fn note_cancelled(&mut self, activity: &Activity, now: Instant) {
        let session = &self.session;
        let given_up = self.running.give_up(|call| session.is_cancelled(call), now);
        for call in given_up {
            activity.caller_gave_up(call, now);
            self.forget_told(call);
        }
    }

    /// Notes that nobody reads the answer to a call: if it is a refusal, it tells the client nothing.
    fn forget_told(&mut self, call: u64) {
        self.fences.gave_up(call);
        self.told.gave_up(call);
    }

    /// Hands out the next call, unless the stay of the client is over. It counts as running until [`end`](Self::end).
    pub(super) fn begin(
        &mut self,
        hub: &Hub,
        now: Instant,
        work: &mut Option<Work>,
    ) -> Option<TakenCall> {
        if !self.stay.lets_calls_begin() {
            return None;
        }
        let taken = loop {
            let taken = self.session.next_call(now)?;
            for call in self.session.take_given_up() {
                self.forget_told(call);
            }
            self.fences.confirm(taken.0.acknowledged);
            let party = self.party.as_deref();
            let (told, fences) = (&mut self.told, &self.fences);
            match party.and_then(|party| told.refusal(party, &taken.0, hub, fences, now)) {
                None => break taken,
                Some(refusal) => self.session.refuse(taken.0.number, refusal),
            }
        };
        let (call, deadline) = &taken;
        let running = DriverCall::new(call.number, *deadline, work.take());
        self.stay.begin(running, &mut self.running, now);
        Some(taken)
    }

    /// Notes that a call has returned, and queues its answer. Returns what makes a stop wait for its thread, unless the
    /// thread was left behind, and the devices that were stuck because of the call.
    pub(super) fn end(&mut self, number: u64, reply: ReplyFrame) -> (Option<Work>, Vec<String>) {
        let Returned {
            work,
            recovered,
            progress,
        } = self.running.end(number);
        if let Some((fraction, message)) = progress {
            self.session.progress(number, fraction, &message);
        }
        self.session.reply(number, reply);
        (work, recovered)
    }

    /// Writes what is queued for the client. Waits for a slow client, but not for ever.
    pub(super) fn write_all(&mut self, activity: &Activity) {
        while let Some(mut stream) = self.stream.as_deref() {
            let written = match self.session.has_more_pieces() {
                true => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let count = self.session.transmit_vectored(&mut slices);
                    stream.write_vectored(slices.get(..count).unwrap_or_default())
                }
                false => match self.session.transmit() {
                    [] => return,
                    bytes => stream.write(bytes),
                },
            };
            match written {
                Ok(count) if count > 0 => {
                    activity.add_sent(count);
                    self.session.consume(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return self.session.handle_eof(None),
                Err(error) => return self.session.handle_eof(Some(error.to_string())),
            }
        }
    }

    /// Returns false if nothing more is to be read until another thread has made room or has ended a call.
    pub(super) fn has_room(&self) -> bool {
        // A thread that is alone has run what waited, and has written what was to be said.
        let reads_on = || self.session.wants_input() && !self.stay.is_draining();
        self.is_alone() || reads_on() || self.session.end().is_some()
    }

    /// Returns true if the calling thread, which reads, is the only one that uses the session.
    pub(super) fn is_alone(&self) -> bool {
        self.running.is_empty() && !self.is_writing()
    }

    /// Returns true while a thread writes without the lock.
    pub(super) fn is_writing(&self) -> bool {
        self.write_turn.is_taken()
    }

    /// Writes what can be written at once, on a thread that must not wait for a slow client.
    pub(super) fn write_briefly(&mut self, activity: &Activity) {
        if self.is_writing() || self.session.transmit().is_empty() {
            return;
        }
        let Some(stream) = self.stream.as_deref() else {
            return;
        };
        let timeout = stream.write_timeout().ok().flatten();
        if stream.set_write_timeout(Some(BRIEFLY)).is_err() {
            return;
        }
        let mut writer = stream;
        if let Ok(count) = writer.write(self.session.transmit()) {
            activity.add_sent(count);
            self.session.consume(count);
        }
        // It was accepted before.
        let _ = stream.set_write_timeout(timeout);
    }

    /// Refuses the calls that wait.
    pub(super) fn refuse_waiting(&mut self, reason: ByeReason) {
        self.session.refuse_waiting(reason);
    }

    /// Drops the connection.
    pub(super) fn disconnect(&mut self, reader: &mut SocketReader, activity: &Activity) {
        self.session.detach();
        self.stream = None;
        reader.detach();
        activity.disconnected();
    }
}

impl AsMut<Handover<Box<SocketReader>>> for Pump {
    fn as_mut(&mut self) -> &mut Handover<Box<SocketReader>> {
        &mut self.handover
    }
}

impl WriteQueue for Pump {
    type Piece = (Bytes, Arc<TcpStream>);

    fn write_turn(&mut self) -> &mut WriteTurn {
        &mut self.write_turn
    }

    fn next_piece(&mut self) -> Option<Self::Piece> {
        let stream = self.stream.clone()?;
        Some((self.session.take_output()?, stream))
    }

    /// The thread that reads from the stream finds it closed.
    fn write_failed(&mut self, (_, stream): &Self::Piece, error: &io::Error) {
        let is_current = |current: &Arc<TcpStream>| Arc::ptr_eq(current, stream);
        if self.stream.as_ref().is_some_and(is_current) {
            self.session.handle_eof(Some(error.to_string()));
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Maximum number of pieces that are written at once.
const SLICES: usize = 64;
/// How long a driver that reports its progress waits for the network.
const BRIEFLY: Duration = Duration::from_millis(4);
