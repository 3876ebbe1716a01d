//! Bytes from and for the network.

use std::io::IoSlice;

use bytes::Bytes;

use super::{ClientSession, Clock, LinkState};
use crate::session::link::{Link, LinkError};
use crate::wire::frame::PartialFrame;
use crate::wire::message::{RESULT, number_of_result};

impl ClientSession {
    /// Takes bytes from the network. Under a secret, they are decrypted where they lie; see [`Link::handle_buffer`].
    #[inline]
    pub fn handle_buffer(&mut self, bytes: &mut [u8], now: impl Clock) {
        if let Some(link) = self.link_mut() {
            let result = link.handle_buffer(bytes);
            self.handle_result(result, &now);
        }
    }

    /// Takes bytes from the network that must not change.
    pub fn handle_input(&mut self, bytes: &[u8], now: impl Clock) {
        if let Some(link) = self.link_mut() {
            let result = link.handle_input(bytes);
            self.handle_result(result, &now);
        }
    }

    /// Handles the frames that are complete, if the link is still of use.
    #[inline]
    fn handle_result(&mut self, result: Result<(), LinkError>, now: &impl Clock) {
        if let Err(error) = result.and_then(|()| self.handle_frames(now)) {
            return self.lose(error);
        }
        self.explain_partial();
    }

    /// Explains the value of a long frame of which a part has come, if that has not been done yet.
    #[inline]
    fn explain_partial(&mut self) {
        let Some(link) = self.link_mut() else { return };
        let Some(number) = link.unexplained().and_then(number_of_result) else {
            return;
        };
        let call = self.calls.get(number);
        let probe = call.and_then(|call| call.probe);
        if let Some(link) = self.link_mut() {
            link.explain(probe, RESULT);
        }
    }

    /// Takes a long frame of which a part has come. Whoever reads the socket can append to it what comes next, without a copy
    /// in between. It must be given back to [`handle_partial`](Self::handle_partial) before there is other input.
    #[inline]
    pub fn take_partial(&mut self) -> Option<PartialFrame> {
        self.link_mut()?.take_partial()
    }

    /// Takes back what [`take_partial`](Self::take_partial) returned, with or without more bytes.
    pub fn handle_partial(&mut self, partial: PartialFrame, now: impl Clock) {
        if let Some(link) = self.link_mut() {
            let result = link.put_partial(partial);
            self.handle_result(result, &now);
        }
    }

    /// The network has ended; `cause` says how, where the end was not an orderly one.
    pub fn handle_eof(&mut self, cause: Option<String>) {
        if let Some(link) = self.link_mut() {
            let error = match cause {
                Some(cause) if link.awaits_proof() => LinkError::Unconfirmed(cause),
                Some(cause) => LinkError::Lost(cause),
                None => link.handle_eof(),
            };
            self.lose(error);
        }
    }

    /// The next bytes for the network; empty when there are none.
    #[inline]
    pub fn transmit(&mut self) -> &[u8] {
        self.written_link().map(Link::transmit).unwrap_or_default()
    }

    /// Returns whether [`transmit`](Self::transmit) would return anything.
    #[inline]
    pub fn has_output(&self) -> bool {
        match &self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => link.has_output(),
            LinkState::Closed(link) => link.as_ref().is_some_and(Link::has_output),
            LinkState::Disconnected => false,
        }
    }

    /// Returns false if [`transmit`](Self::transmit) gives all that can be written at once.
    #[inline]
    pub fn has_more_pieces(&self) -> bool {
        match &self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => link.has_more_pieces(),
            LinkState::Closed(_) | LinkState::Disconnected => false,
        }
    }

    /// Fills `slices` with the next bytes for the network, and returns how many of them were needed. The first one holds
    /// what [`transmit`](Self::transmit) gives.
    #[inline]
    pub fn transmit_vectored<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        let link = self.written_link();
        link.map_or(0, |link| link.transmit_vectored(slices))
    }

    /// The network has taken the next `count` bytes.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        if let Some(link) = self.written_link() {
            link.consume(count);
        }
    }

    /// The connection that still has bytes to write, possibly after a goodbye.
    #[inline]
    fn written_link(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => Some(link),
            LinkState::Closed(link) => link.as_mut(),
            LinkState::Disconnected => None,
        }
    }

    /// Takes the bytes that [`transmit`](Self::transmit) would give next, as if the network had taken them: for a thread
    /// that writes them later. Those of a long frame are not copied, unless they are encrypted.
    pub fn take_output(&mut self) -> Option<Bytes> {
        self.link_mut()?.take_output()
    }
}
