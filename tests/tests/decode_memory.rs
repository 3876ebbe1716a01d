//! The memory of a call is bounded by the bytes received, whatever its types. A test program of its own, because it
//! measures the memory of the process.

#![cfg(target_os = "linux")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ipc_client::Client;
use ipc_core::private::{OutgoingCall, Stub};
use ipc_core::{Args, CallError, Caller, Refusal, Remote, Value, remote};
use ipc_server::ServerHandle;
use tests::Way;

/// 264 bytes in memory, and one on the wire if there is none.
pub type Sparse = Vec<Option<[u64; 32]>>;

/// One node of a tree per map.
pub type Trees = Vec<BTreeMap<u8, Option<[u64; 32]>>>;

pub struct Store;

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub time: f64,
    pub value: Option<f64>,
    pub place: Place,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub name: String,
    pub at: (f32, f32),
}

static ENTERED: AtomicUsize = AtomicUsize::new(0);

fn enter() -> usize {
    ENTERED.fetch_add(1, Ordering::SeqCst)
}

#[remote]
impl Store {
    pub fn sparse(&self, v: Sparse) -> usize {
        enter();
        v.len()
    }

    pub fn trees(&self, v: Trees) -> usize {
        enter();
        v.len()
    }

    pub fn texts(&self, v: Vec<String>) -> Vec<String> {
        v
    }

    pub fn anything(&self, v: Value) -> Value {
        v
    }

    /// A type that reads self-describing values and keeps maps in B-trees.
    pub fn json(&self, v: serde_json::Value) -> usize {
        enter() + v.as_array().map_or(0, Vec::len)
    }

    pub fn small(&self, v: Vec<u8>) -> Vec<u8> {
        v
    }

    pub fn numbers(&self, v: Vec<f64>) -> Vec<f64> {
        v
    }

    pub fn holes(&self, v: Vec<Option<f64>>) -> Vec<Option<f64>> {
        v
    }

    pub fn pairs(&self, v: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        v
    }

    pub fn table(&self, v: HashMap<String, f64>) -> HashMap<String, f64> {
        v
    }

    pub fn readings(&self, v: Vec<Reading>) -> Vec<Reading> {
        v
    }

    pub fn zeros(&self, count: usize) -> Vec<u8> {
        vec![0; count]
    }

    pub fn nothings(&self, count: usize) -> Vec<Option<bool>> {
        vec![None; count]
    }
}

const MIB: usize = 1 << 20;
/// Almost the maximum size of a call.
const LARGEST: usize = 15 * MIB;

/// Only one measurement at a time.
static SCALES: Mutex<()> = Mutex::new(());

fn server() -> ServerHandle {
    Way::Plain.server().device(Store).spawn().unwrap()
}

fn client(server: &ServerHandle) -> Client {
    Way::Plain.client(server).connect().unwrap()
}

/// A typed call of `method` with bytes as they are on the wire: a list of `None` is one of zeros.
fn typed(client: &Client, method: &str, write: impl FnOnce(&mut OutgoingCall)) -> OutgoingCall {
    let interface = Store::interface();
    let index = interface.methods.iter().position(|m| m.name == method);
    let mut call = Stub::new(client, "", Store::interface).begin(index.unwrap());
    write(&mut call);
    call
}

fn by_name(method: &str, argument: Value) -> OutgoingCall {
    OutgoingCall::by_name(method, &Args::new().arg(argument).unwrap())
}

/// Returns the peak memory of the process during `run`, in MiB above the level before.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmRSS");
    let result = run();
    let peak = resident("VmHWM").saturating_sub(before);
    (result, peak / 1024)
}

fn resident(what: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

/// What may be in use for `bytes` under a limit of `memory` MiB: three times the budget while a list grows, and the
/// frame itself, at both ends.
fn allowed(bytes: usize, memory: usize) -> usize {
    3 * (8 * bytes / MIB + memory) + 6 * bytes / MIB
}

/// Checks that the call is refused before the driver runs, within the documented memory.
fn is_refused(client: &Client, call: OutgoingCall) {
    let method = call.method().to_string();
    let entered = ENTERED.load(Ordering::SeqCst);
    let (result, mib) = peak(|| Caller::call::<usize>(client, call));
    let error = result.unwrap_err();
    println!("{method}: {mib} MiB");
    assert!(matches!(
        &error,
        CallError::Refused(Refusal::Protocol { .. })
    ));
    for words in [
        "argument",
        "memory",
        "`decode_memory` of the server's builder",
    ] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    assert!(mib <= allowed(LARGEST, 64), "{method}: {mib} MiB");
    assert_eq!(ENTERED.load(Ordering::SeqCst), entered);
}

#[test]
fn options_of_large_arrays_are_refused_before_they_take_the_memory() {
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let server = server();
    let client = client(&server);
    let nothings = || Value::List(vec![Value::Null; LARGEST]);
    let sparse = typed(&client, "sparse", |call| {
        call.argument(&vec![0_u8; LARGEST])
    });
    is_refused(&client, sparse);
    is_refused(&client, by_name("sparse", nothings()));
    is_refused(&client, by_name("anything", nothings()));
    let trees = typed(&client, "trees", |call| {
        let count = LARGEST / 10;
        call.argument(&(count as u64));
        (0..count).for_each(|_| call.argument(&(1_u64, [0_u8; 2])));
    });
    is_refused(&client, trees);
    let map = Value::Map(vec![(Value::String(String::new()), Value::Null)]);
    is_refused(
        &client,
        by_name("json", Value::List(vec![map; LARGEST / 4])),
    );
    // More arguments than any method has: their slots take memory, too.
    let many = Args::from_serialize(&nothings()).unwrap();
    is_refused(&client, OutgoingCall::by_name("sparse", &many));
    // The connection stays usable.
    let store = StoreProxy::new(&client);
    assert_eq!(store.sparse(vec![None, Some([7; 32])]), Ok(2));
}

#[test]
fn an_answer_of_options_of_large_arrays_is_refused_by_the_client() {
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let server = server();
    let client = Way::Plain.client(&server).decode_memory(16 * MIB);
    let client = client.connect().unwrap();
    let by_name = OutgoingCall::by_name("nothings", &Args::new().arg(LARGEST).unwrap());
    let typed = typed(&client, "zeros", |call| call.argument(&LARGEST));
    for call in [typed, by_name] {
        let (result, mib) = peak(|| Caller::call::<Sparse>(&client, call));
        let error = result.unwrap_err();
        println!("answer: {mib} MiB");
        assert!(matches!(error, CallError::BadReply { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("`decode_memory` of this end's builder"),
            "{error}"
        );
        // At the server a list of small options, four bytes for one.
        let allowed = allowed(LARGEST, 16) + 4 * LARGEST / MIB;
        assert!(mib <= allowed, "{mib} MiB");
    }
    assert_eq!(StoreProxy::new(&client).zeros(3), Ok(vec![0; 3]));
}

#[test]
fn the_limit_can_be_set_at_both_ends() {
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let sparse = vec![None; 10_000];
    let server = Way::Plain.server().decode_memory(0).device(Store);
    let server = server.spawn().unwrap();
    let narrow = StoreProxy::new(&client(&server));
    assert_eq!(narrow.texts(vec!["a".into()]), Ok(vec!["a".into()]));
    let error = narrow.sparse(sparse.clone()).unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let server = Way::Plain.server().decode_memory(3 * MIB).device(Store);
    let server = server.spawn().unwrap();
    assert_eq!(StoreProxy::new(&client(&server)).sparse(sparse), Ok(10_000));
    let args = || (10_000_usize,);
    let client = |memory| Way::Plain.client(&server).decode_memory(memory).connect();
    let narrow = client(0).unwrap().call::<Sparse>("nothings", args());
    assert!(narrow.is_err());
    let wide = client(3 * MIB).unwrap().call::<Sparse>("nothings", args());
    assert_eq!(wide.unwrap().len(), 10_000);
}

/// Calls `method` typed and by name with what fills half of a call and more.
macro_rules! passes {
    ($client:ident.$method:ident($value:expr)) => {
        let value = $value;
        let typed = StoreProxy::new(&$client).$method(value.clone());
        assert!(typed == Ok(value.clone()), "typed {}", stringify!($method));
        let named = $client.call(stringify!($method), (&value,));
        assert!(named == Ok(value), "by name {}", stringify!($method));
    };
}

#[test]
fn honest_values_of_many_megabytes_pass() {
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let server = server();
    let client = client(&server);
    let number = |n: usize| n as f64 / 7.0;
    passes!(client.small((0..7 * MIB).map(|n| n as u8).collect::<Vec<u8>>()));
    passes!(client.numbers((0..1_600_000).map(number).collect::<Vec<f64>>()));
    passes!(client.pairs((0..700_000).map(|n| (number(n), 0.5)).collect::<Vec<_>>()));
    let hole = |n: usize| n.is_multiple_of(2).then(|| number(n));
    passes!(client.holes((0..2_000_000).map(hole).collect::<Vec<_>>()));
    passes!(client.texts((0..900_000).map(|n| format!("{n}")).collect::<Vec<_>>()));
    let entry = |n: usize| (format!("channel {n}"), number(n));
    passes!(client.table((0..300_000).map(entry).collect::<HashMap<_, _>>()));
    let reading = |n: usize| Reading {
        time: number(n),
        value: hole(n),
        place: Place {
            name: "cryostat".into(),
            at: (0.5, 1.5),
        },
    };
    passes!(client.readings((0..200_000).map(reading).collect::<Vec<_>>()));
    let numbers = (0..2 * MIB).map(|n| Value::from(n % 100));
    let numbers = Value::List(numbers.collect());
    assert!(client.call("anything", (&numbers,)) == Ok(numbers));
}
