//! One connection through the proxy, with one thread per direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::proxy::{Fault, Mishap, Shared, Way, lock};
use super::random::Random;

/// What the two threads of one connection share.
pub(super) struct Pair {
    client: TcpStream,
    server: TcpStream,
    /// Held while bytes pass and while a fault blocks them.
    gate: Mutex<()>,
    /// True if the connection must end with a reset.
    is_reset: AtomicBool,
}

/// Forwards bytes in both directions until the connection has ended.
pub(super) fn run(
    client: TcpStream,
    server: TcpStream,
    number: u64,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let pair = Arc::new(Pair {
        client,
        server,
        gate: Mutex::new(()),
        is_reset: AtomicBool::new(false),
    });
    let mut open = lock(&shared.open);
    open.retain(|pair| pair.strong_count() > 0);
    open.push(Arc::downgrade(&pair));
    drop(open);
    let other = (Arc::clone(&pair), Arc::clone(shared));
    let down = thread::Builder::new()
        .name("connection down".into())
        .spawn(move || other.0.pass(Way::Down, number, &other.1))?;
    pair.pass(Way::Up, number, shared);
    // A thread that panicked has dropped its connection as well.
    let _ = down.join();
    Ok(())
}

impl Pair {
    fn pass(&self, way: Way, number: u64, shared: &Shared) {
        let part = number * 2 + u64::from(way == Way::Down);
        let mut random = Random::part(shared.seed, part);
        let mut passed = 0;
        let mut pieces = vec![0; 64 * 1024];
        let mut dribble = 0;
        loop {
            let script = Arc::clone(&lock(&shared.script));
            let mishap = script(number, way, passed, &mut random);
            let until = mishap.map_or(u64::MAX, |mishap| mishap.at);
            if !self.pass_until(way, until, &mut passed, &mut dribble, &mut pieces) {
                return;
            }
            if let Some(Mishap { fault, .. }) = mishap {
                shared.counts.count(fault);
                if !self.suffer(way, fault, &mut dribble, &mut pieces) {
                    return;
                }
                // The connection continues, so the same fault must not occur again at this place.
                let next = passed + 1;
                if !self.pass_until(way, next, &mut passed, &mut dribble, &mut pieces) {
                    return;
                }
            }
        }
    }

    /// Returns false once nothing more arrives or passes.
    fn pass_until(
        &self,
        way: Way,
        until: u64,
        passed: &mut u64,
        dribble: &mut u64,
        pieces: &mut [u8],
    ) -> bool {
        let (from, to) = self.ends(way);
        while *passed < until {
            let most = if *dribble > 0 { 1 } else { until - *passed };
            let most = usize::try_from(most)
                .unwrap_or(usize::MAX)
                .min(pieces.len());
            let Some(room) = pieces.get_mut(..most) else {
                return false;
            };
            let count = match (&*from).read(room) {
                Ok(0) => return self.end(to),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.reset(),
            };
            *dribble = dribble.saturating_sub(1);
            let gate = lock(&self.gate);
            drop(gate);
            let piece = pieces.get(..count).unwrap_or_default();
            if (&*to).write_all(piece).is_err() {
                return self.reset();
            }
            *passed += count as u64;
        }
        true
    }

    /// Applies the fault. Returns false if it ends the connection.
    fn suffer(&self, way: Way, fault: Fault, dribble: &mut u64, pieces: &mut [u8]) -> bool {
        match fault {
            Fault::Cut => self.cut(),
            Fault::Reset => self.reset(),
            Fault::HalfClose => self.half_close(way, pieces),
            Fault::BlackHole(time) => {
                self.hold(time);
                self.cut()
            }
            Fault::Stall(time) => self.hold(time),
            Fault::Dribble(bytes) => {
                *dribble = bytes;
                true
            }
            Fault::Delay(time) => {
                thread::sleep(time);
                true
            }
        }
    }

    /// Ends the connection from outside.
    pub(super) fn end_all(&self, with_reset: bool) {
        match with_reset {
            true => self.reset(),
            false => self.cut(),
        };
    }

    fn hold(&self, time: Duration) -> bool {
        let gate = lock(&self.gate);
        thread::sleep(time);
        drop(gate);
        true
    }

    fn cut(&self) -> bool {
        for stream in [&self.client, &self.server] {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
        false
    }

    /// Closing a socket with a linger time of zero resets it, once both threads have dropped it.
    fn reset(&self) -> bool {
        self.is_reset.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            // It may have ended by itself.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
        false
    }

    fn half_close(&self, way: Way, pieces: &mut [u8]) -> bool {
        let (from, to) = self.ends(way);
        let _ = to.shutdown(Shutdown::Write);
        while (&*from).read(pieces).is_ok_and(|count| count > 0) {}
        self.end(to)
    }

    /// Forwards the end of one direction, unless the other end must see a reset.
    fn end(&self, to: &TcpStream) -> bool {
        if !self.is_reset.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
        false
    }

    fn ends(&self, way: Way) -> (&TcpStream, &TcpStream) {
        match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        }
    }
}
