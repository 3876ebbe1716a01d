//! Long arguments, which the server reads straight into memory of their own, however the network cuts them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipc_client::{CallError, Refusal};
use ipc_core::interface::remote::Remote;
use ipc_core::session::client::{CallOutcome, Event};
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::CallHeader;
use ipc_core::{Device, remote};
use ipc_server::ServerHandle;
use tests::probe::{Probe, frame};
use tests::random::Random;
use tests::{Gate, Way, both_ways_async, until};

both_ways_async!(
    long_arguments_arrive_right_in_odd_pieces,
    a_long_argument_arrives_while_another_call_runs,
    a_call_is_lost_with_a_long_argument_and_comes_again,
    lists_inside_of_arguments_arrive_right,
    functions_and_drivers_on_threads_take_long_arguments,
    a_long_argument_for_another_version_is_refused,
    a_long_argument_of_wrong_bytes_is_refused,
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

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    label: String,
    samples: Vec<f64>,
    counts: Option<Vec<u16>>,
    done: bool,
}

impl Record {
    fn new(label: &str, count: u16) -> Self {
        Self {
            label: label.into(),
            samples: samples(u32::from(count) * 3),
            counts: Some((0..count).collect()),
            done: true,
        }
    }

    fn check(&self) -> bool {
        let count = self.counts.as_ref().map_or(0, Vec::len);
        *self == Self::new(&self.label, count.try_into().unwrap())
    }
}

/// Keeps nothing, and looks at all that it is given.
pub struct Archive;

#[remote]
impl Archive {
    /// Returns the number of records that have arrived as they were made.
    pub fn store(&mut self, first: Record, more: Vec<(u8, Record)>, note: &str) -> usize {
        let more = more.iter().map(|(_, record)| record);
        let all = std::iter::once(&first).chain(more);
        let good = all.filter(|record| record.check()).count();
        assert!(note.bytes().all(|byte| byte == b'n'));
        good
    }

    pub fn sum(&mut self, flags: &[bool], samples: &[f64]) -> f64 {
        samples.iter().sum::<f64>() + flags.iter().filter(|flag| **flag).count() as f64
    }
}

#[remote]
pub fn stack(mut first: Vec<f64>, second: Vec<f64>) -> Vec<f64> {
    first.extend(second);
    first
}

mod later {
    use super::*;

    /// A later version, whose list has other elements.
    pub struct Archive;

    #[remote]
    impl Archive {
        pub fn sum(&mut self, flags: &[u8], samples: &[f64]) -> f64 {
            samples.iter().sum::<f64>() + flags.iter().map(|flag| f64::from(*flag)).sum::<f64>()
        }
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
    // In one task, which begins them in this order.
    let both = tokio::spawn(async move {
        tokio::join!(scale.wait(), scale.weigh("late".into(), samples, flags, 7))
    });
    gate.wait_for_call();
    let whole = u64::from(SAMPLES) * 9;
    until("all of it has come", || received(&server) - before > whole);
    assert!(!both.is_finished());
    gate.open(1);
    let (waited, weighed) = both.await.unwrap();
    waited.unwrap();
    assert_eq!(weighed.unwrap(), expected);
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

async fn lists_inside_of_arguments_arrive_right(way: Way) {
    let server = way.server().device(Archive).start().await.unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let archive = ArchiveProxy::new(&client.connect().await.unwrap());
    for (count, note) in [(30_000, 0), (1, 500_000), (60_000, 300_000), (9_000, 3)] {
        let more = [count, 7, 65_000, count].map(|count| (1, Record::new("more", count)));
        let first = Record::new("first", count);
        let stored = archive.store(first, more.into(), &"n".repeat(note)).await;
        assert_eq!(stored.unwrap(), 5, "{count} samples");
    }
}

async fn functions_and_drivers_on_threads_take_long_arguments(way: Way) {
    let on_thread = Device::on_thread(|| Ok::<_, String>(Archive)).unwrap();
    let server = way.server().device(on_thread);
    let server = server
        .remote_function(stack::function())
        .start()
        .await
        .unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let client = client.connect().await.unwrap();
    let more = [60_000, 50_000].map(|count| (2, Record::new("more", count)));
    let first = Record::new("first", 40_000);
    let stored = ArchiveProxy::new(&client).store(first, more.into(), "n");
    assert_eq!(stored.await.unwrap(), 3);
    let stacked = stack::call(&client, vec![1.5; 50_000], samples(60_000)).await;
    let expected = [vec![1.5; 50_000], samples(60_000)].concat();
    assert!(stacked.unwrap() == expected);
}

async fn a_long_argument_for_another_version_is_refused(way: Way) {
    let server = way.server().device(Archive).start().await.unwrap();
    let network = Network::to(server.local_addr());
    let client = way.async_client_at(&network.address.to_string());
    let client = client.connect().await.unwrap();
    let samples = samples(SAMPLES);
    let other = later::ArchiveProxy::new(&client);
    let error = other.sum(&vec![1; 300_000], &samples).await.unwrap_err();
    let CallError::Refused(Refusal::SignatureMismatch {
        client: ours,
        server: theirs,
        ..
    }) = error
    else {
        panic!("{error}");
    };
    assert!(
        ours.contains("flags: Vec<u8>") && theirs.contains("flags: Vec<bool>"),
        "{ours} {theirs}"
    );
    let sum = ArchiveProxy::new(&client).sum(&vec![true; 300_000], &samples);
    assert!(sum.await.unwrap() > 300_000.0);
}

/// The fingerprint is that of the method, but the bytes are no value of its types.
async fn a_long_argument_of_wrong_bytes_is_refused(way: Way) {
    let server = way.server().device(Archive).start().await.unwrap();
    let address = server.local_addr();
    let ends = tokio::task::spawn_blocking(move || {
        let mut probe = Probe::ready(way, address, "wrong");
        let mut flags = vec![1_u8; 400_000];
        let mut call = |flags: &[u8], samples: &[f64]| {
            probe.send(sum_call(flags, samples));
            loop {
                assert!(probe.read(), "{:?}", probe.events());
                let end = probe.events().into_iter().find_map(|event| match event {
                    Event::Ended { outcome, .. } => Some(outcome),
                    _ => None,
                });
                if let Some(outcome) = end {
                    return outcome;
                }
            }
        };
        let good = call(&flags, &[0.5; 3]);
        flags[300_000] = 2;
        let wrong = call(&flags, &[0.5; 3]);
        flags[300_000] = 1;
        [good, wrong, call(&flags, &[0.5; 300_000])]
    });
    let [good, wrong, next] = ends.await.unwrap();
    let CallOutcome::Refused(refusal) = wrong else {
        panic!("{wrong:?}");
    };
    let refusal = refusal.to_string();
    assert!(
        refusal.contains("`flags`") && refusal.contains("found 2"),
        "{refusal}"
    );
    for outcome in [good, next] {
        assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
    }
}

fn sum_call(flags: &[u8], samples: &[f64]) -> Vec<u8> {
    let header = CallHeader {
        fingerprint: Archive::interface().methods[1].fingerprint(),
        method: "sum".into(),
        ..CallHeader::default()
    };
    let mut payload = Vec::new();
    codec::encode(&(header, flags, samples), &mut payload, codec::MAX_VALUE).unwrap();
    frame(10, &payload)
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
