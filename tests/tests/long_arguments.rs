//! Long arguments, which the server reads straight into memory of their own, however the network cuts them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipc_core::remote;
use ipc_server::ServerHandle;
use tests::random::Random;
use tests::{Gate, Way, both_ways_async, until};

both_ways_async!(
    long_arguments_arrive_right_in_odd_pieces,
    a_long_argument_arrives_while_another_call_runs,
    a_call_is_lost_with_a_long_argument_and_comes_again,
);

/// A driver that returns the digest of what it received.
#[derive(Default)]
pub struct Scale(Gate);

#[remote]
impl Scale {
    /// Waits at the gate.
    pub fn wait(&mut self) {
        self.0.pass();
    }

    /// Returns the digest of its arguments.
    #[remote(idempotent)]
    pub fn weigh(&mut self, name: String, samples: Vec<f64>, flags: Vec<bool>, last: u32) -> u64 {
        digest(&name, &samples, &flags, last)
    }
}

fn digest(name: &str, samples: &[f64], flags: &[bool], last: u32) -> u64 {
    let samples = samples.iter().map(|sample| sample.to_bits());
    let flags = flags.iter().map(|flag| u64::from(*flag));
    let name = name.bytes().map(u64::from);
    let all = name.chain(samples).chain(flags).chain([u64::from(last)]);
    all.fold(0, |digest, value| {
        digest.wrapping_mul(31).wrapping_add(value)
    })
}

fn samples(count: u32) -> Vec<f64> {
    (0..count).map(|n| f64::from(n) * 0.37).collect()
}

fn flags(count: u32) -> Vec<bool> {
    (0..count).map(|n| n % 3 == 0).collect()
}

async fn long_arguments_arrive_right_in_odd_pieces(way: Way) {
    let server = way.server().device(Scale::default()).start().await.unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let client = client.connect().await.unwrap();
    let scale = ScaleProxy::new(&client);
    for count in [8_000, 8_200, 16_400, 40_001, 130_003, 500_000, 3] {
        let (samples, flags) = (samples(count), flags(count / 2));
        let expected = digest("odd", &samples, &flags, count);
        let given = scale.weigh("odd".into(), samples, flags, count).await;
        assert_eq!(given.unwrap(), expected, "{count} samples");
    }
}

/// The beginning of the long call comes with the call that runs, so another thread goes on reading the long one.
async fn a_long_argument_arrives_while_another_call_runs(way: Way) {
    let scale = Scale::default();
    let gate = scale.0.clone();
    let server = way.server().device(scale).start().await.unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let client = client.connect().await.unwrap();
    let scale = ScaleProxy::new(&client);
    let (samples, flags) = (samples(SAMPLES), flags(SAMPLES));
    let expected = digest("late", &samples, &flags, 7);
    let before = received(&server);
    network.hold();
    let waiting = tokio::spawn({
        let scale = scale.clone();
        async move { scale.wait().await }
    });
    let long = tokio::spawn(async move { scale.weigh("late".into(), samples, flags, 7).await });
    gate.wait_for_call();
    let whole = u64::from(SAMPLES) * 9;
    until("all of it has come", || received(&server) - before > whole);
    assert!(!waiting.is_finished() && !long.is_finished());
    gate.open(1);
    waiting.await.unwrap().unwrap();
    assert_eq!(long.await.unwrap().unwrap(), expected);
}

/// What has come of a frame over one connection is no part of what comes over the next one.
async fn a_call_is_lost_with_a_long_argument_and_comes_again(way: Way) {
    let server = way.server().device(Scale::default()).start().await.unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let client = client.connect().await.unwrap();
    let scale = ScaleProxy::new(&client);
    let (samples, flags) = (samples(SAMPLES), flags(SAMPLES));
    let expected = digest("again", &samples, &flags, 9);
    network.cuts.store(true, Ordering::SeqCst);
    let given = scale.weigh("again".into(), samples, flags, 9).await;
    assert_eq!(given.unwrap(), expected);
    assert!(!network.cuts.load(Ordering::SeqCst), "it was cut");
}

/// Number of bytes that have come from the client.
fn received(server: &ServerHandle) -> u64 {
    server.holder().map_or(0, |holder| holder.bytes_received)
}

/// A proxy that forwards what clients send in pieces of odd sizes.
struct Network {
    address: SocketAddr,
    /// True if nothing is passed on until much has come.
    holds: Arc<AtomicBool>,
    /// True if the connection is cut after much has come.
    cuts: Arc<AtomicBool>,
}

impl Network {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let [holds, cuts]: [Arc<AtomicBool>; 2] = Default::default();
        let flags = (Arc::clone(&holds), Arc::clone(&cuts));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else {
                    return;
                };
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (holds, cuts) = (Arc::clone(&flags.0), Arc::clone(&flags.1));
                thread::spawn(move || pass_up(&client, &server, &holds, &cuts));
                thread::spawn(move || {
                    let (mut client, mut server) = ends;
                    // It ends with the connection.
                    let _ = std::io::copy(&mut server, &mut client);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self {
            address,
            holds,
            cuts,
        }
    }

    fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }
}

fn pass_up(mut client: &TcpStream, mut server: &TcpStream, holds: &AtomicBool, cuts: &AtomicBool) {
    server.set_nodelay(true).unwrap();
    let mut random = Random::new(12);
    let mut buffer = vec![0; 300_001];
    let mut held = Vec::new();
    let mut passed = 0;
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        held.extend_from_slice(&buffer[..count]);
        if held.len() < MUCH && holds.load(Ordering::SeqCst) {
            continue;
        }
        holds.store(false, Ordering::SeqCst);
        let mut rest = &held[..];
        while !rest.is_empty() {
            let most = usize::try_from(random.below(150_000)).unwrap() + 1;
            let (piece, behind) = rest.split_at(most.min(rest.len()));
            if server.write_all(piece).is_err() {
                break;
            }
            passed += piece.len();
            rest = behind;
            if passed > 3 * MUCH && cuts.swap(false, Ordering::SeqCst) {
                break;
            }
        }
        if !rest.is_empty() {
            break;
        }
        held.clear();
    }
    // The other end may have closed it.
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

const SAMPLES: u32 = 400_000;
/// Number of bytes that are more than one read of the server takes.
const MUCH: usize = 300_000;
