#!/usr/bin/env bash
# How long a driver with 50 methods takes to compile, and how much code each method becomes: this project, tarpc, zbus.
#
#   benches/compile-time/run.sh [scratch directory]
#
# Each crate has a driver of 50 methods, a server for it, and one call of each method through its client. The dependencies
# are compiled first. Then the crate alone is compiled 7 times without an incremental cache, and the median of the
# processor time is printed, which other work on the machine changes little. Bytes per method are the difference between
# the text sections of release programs with 50 methods and with 1, divided by 49. Needs `size` (binutils), and the
# network once.
set -eu

repository=$(cd "$(dirname "$0")/../.." && pwd)
scratch=${1:-${TMPDIR:-/tmp}/ipc-compile-time}
rounds=${ROUNDS:-7}
export CARGO_TARGET_DIR="$scratch/target" CARGO_INCREMENTAL=0
mkdir -p "$scratch"

# Writes a crate: name, dependencies; the source comes from standard input.
crate() {
    mkdir -p "$scratch/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n%s\n[profile.release]\ndebug = 0\nstrip = false\n[workspace]\n' \
        "$1" "$2" >"$scratch/$1/Cargo.toml"
    cat >"$scratch/$1/src/main.rs"
}

# Repeats a line for each method; `@` is its number.
each() {
    seq 1 "$1" | while read -r n; do printf '%s\n' "$2" | sed "s/@/$n/g"; done
}

ours() {
    crate "ours-$1" "ipc-core = { path = \"$repository/ipc-core\" }" <<RUST
use ipc_core::{Local, remote};

pub struct Meter;

#[remote]
impl Meter {
$(each "$1" '    pub fn method_@(&mut self, channel: u32, level: f64, name: String) -> Result<f64, std::io::Error> { let _ = name; Ok(f64::from(channel) * level + @.0) }')
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
$(each "$1" '    println!("{:?}", meter.method_@(1, 2.0, "a".into()));')
}
RUST
}

tarpc() {
    crate "tarpc-$1" 'tarpc = { version = "0.38", features = ["serde1", "tokio1", "serde-transport"] }
tokio = { version = "1", features = ["rt-multi-thread", "macros"] }
futures = "0.3"' <<RUST
use futures::StreamExt;
use tarpc::{client, context, server::{BaseChannel, Channel}};

#[tarpc::service]
pub trait Meter {
$(each "$1" '    async fn method_@(channel: u32, level: f64, name: String) -> Result<f64, String>;')
}

#[derive(Clone)]
struct Driver;

impl Meter for Driver {
$(each "$1" '    async fn method_@(self, _: context::Context, channel: u32, level: f64, name: String) -> Result<f64, String> { let _ = name; Ok(f64::from(channel) * level + @.0) }')
}

#[tokio::main]
async fn main() {
    let (near, far) = tarpc::transport::channel::unbounded();
    let server = BaseChannel::with_defaults(far).execute(Driver.serve());
    tokio::spawn(server.for_each(|call| async { tokio::spawn(call); }));
    let meter = MeterClient::new(client::Config::default(), near).spawn();
$(each "$1" '    println!("{:?}", meter.method_@(context::current(), 1, 2.0, "a".into()).await);')
}
RUST
}

zbus() {
    crate "zbus-$1" 'zbus = "5"' <<RUST
use zbus::blocking::connection;
use zbus::fdo;

struct Driver;

#[zbus::interface(name = "org.example.Meter")]
impl Driver {
$(each "$1" '    fn method_@(&mut self, channel: u32, level: f64, name: String) -> fdo::Result<f64> { let _ = name; Ok(f64::from(channel) * level + @.0) }')
}

#[zbus::proxy(interface = "org.example.Meter", default_service = "org.example.Meter", default_path = "/meter", gen_async = false)]
trait Meter {
$(each "$1" '    fn method_@(&self, channel: u32, level: f64, name: String) -> zbus::Result<f64>;')
}

fn main() {
    let connection = connection::Builder::session().unwrap().serve_at("/meter", Driver).unwrap().build().unwrap();
    let meter = MeterProxy::new(&connection).unwrap();
$(each "$1" '    println!("{:?}", meter.method_@(1, 2.0, "a".into()));')
}
RUST
}

# The median of the processor seconds that compiling the crate alone takes, linking included.
seconds() {
    local TIMEFORMAT='%3U %3S'
    for _ in $(seq "$rounds"); do
        touch "$scratch/$1/src/main.rs"
        { time (cd "$scratch/$1" && cargo build --quiet 2>/dev/null); } 2>&1 | awk '{ print $1 + $2 }'
    done | sort -n | sed -n "$((rounds / 2 + 1))p"
}

text() {
    (cd "$scratch/$1" && cargo build --quiet --release 2>/dev/null)
    size "$scratch/target/release/$1" | awk 'NR == 2 { print $1 }'
}

for peer in ours tarpc zbus; do
    "$peer" 1
    "$peer" 50
    (cd "$scratch/$peer-50" && cargo build --quiet)
done

echo '| crate with 50 methods | compile, processor s | text per method, bytes |'
echo '|---|---|---|'
for peer in ours tarpc zbus; do
    per_method=$((($(text "$peer-50") - $(text "$peer-1")) / 49))
    echo "| $peer | $(seconds "$peer-50") | $per_method |"
done
