//! A server or a client in a process of its own, for tests that kill it.
//!
//! `peer serve SECRET-FILE PORT [STOP-TIMEOUT-MS [IDLE-MS]]` serves a [`Bench`] until it is told to stop. `peer client SECRET-FILE
//! ADDRESS NAME` does what it is told on its standard input, a line each, and says on its standard output what came of
//! it. `peer stubborn` serves a driver whose `Drop` does not return until it reads a line, and then stops and returns from
//! `main`. `peer watch SECRET-FILE ADDRESS` makes two calls and prints the notices about its connection, and what came of the
//! calls on its standard error. In the place of the file `-` stands for no secret, and `env` for the one in the
//! environment.

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use ipc_client::Client;
use ipc_core::Secret;
use ipc_core::secure::SecretSourceError;
use ipc_server::Server;
use tests::child::QUIET;
use tests::{Bench, BenchProxy};

fn main() -> Result<(), Box<dyn Error>> {
    let level = match std::env::var_os(QUIET) {
        Some(_) => tracing::Level::WARN,
        None => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", secret, port] => serve(secret, port, "5000", "30000"),
        ["serve", secret, port, stop_timeout] => serve(secret, port, stop_timeout, "30000"),
        ["serve", secret, port, stop_timeout, idle] => serve(secret, port, stop_timeout, idle),
        ["client", secret, address, name] => use_server(secret, address, name),
        ["watch", secret, address] => watch(secret, address),
        ["stubborn"] => stop_stubborn_driver(),
        _ => Err("see the source for what to say".into()),
    }
}

fn find(secret: &str) -> Result<Option<Secret>, SecretSourceError> {
    match secret {
        "-" => Ok(None),
        "env" => Secret::from_env().map(Some),
        file => Secret::from_file(Path::new(file)).map(Some),
    }
}

fn serve(
    secret: &str,
    port: &str,
    stop_timeout_ms: &str,
    idle_ms: &str,
) -> Result<(), Box<dyn Error>> {
    // The port is to be had again after a restart: from 127.0.0.1 others connect, from ports that nobody has chosen.
    let mut server = Server::builder()
        .bind("127.0.0.9")
        .port(port.parse()?)
        .stop_timeout(Duration::from_millis(stop_timeout_ms.parse()?))
        .idle_handover(Duration::from_millis(idle_ms.parse()?))
        .device(Bench::new());
    if let Some(secret) = find(secret)? {
        server = server.secret(secret);
    }
    Ok(server.run()?)
}

fn use_server(secret: &str, address: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let mut client = Client::builder(address)
        .name(name)
        .on_state(|state| println!("state {state}"));
    if let Some(secret) = find(secret)? {
        client = client.secret(secret);
    }
    let client = client.connect_lazy();
    let bench = BenchProxy::new(&client);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        println!("begin {line}");
        let result = match line.split_once(' ') {
            Some(("sleep", ms)) => bench.sleep(ms.parse()?),
            Some(("scan", ms)) => bench.scan(ms.parse()?),
            Some(("echo", number)) => bench.echo(number.parse()?),
            _ if line == "step" => bench.step(),
            // In the driver, and in the program that uses it.
            _ if line == "panic there" => bench.panic().map(u64::from),
            _ if line == "panic here" => fall_over(),
            _ if line == "close" => {
                client.close();
                break;
            }
            _ => return Err(format!("what is `{line}`?").into()),
        };
        match result {
            Ok(number) => println!("ok {number}"),
            Err(error) => println!("error {error}"),
        }
    }
    Ok(())
}

/// A driver that hangs while it is dropped.
pub struct Stubborn;

#[ipc_core::remote]
impl Stubborn {
    /// Does nothing.
    pub fn rest(&mut self) {}
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

fn stop_stubborn_driver() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().port(0).device(Stubborn);
    let server = server.stop_timeout(Duration::ZERO).spawn()?;
    println!("Serving on {}", server.local_addr());
    std::io::stdin().lock().read_line(&mut String::new())?;
    server.stop();
    println!("stopped");
    Ok(())
}

/// A script that prints its notices and leaves the instrument in a safe state, whatever happens.
fn watch(secret: &str, address: &str) -> Result<(), Box<dyn Error>> {
    struct SafeState;
    impl Drop for SafeState {
        fn drop(&mut self) {
            eprintln!("safe");
        }
    }
    // It begins when it is told to.
    std::io::stdin().lock().read_line(&mut String::new())?;
    let _safe = SafeState;
    let mut client = Client::builder(address).on_state(|state| println!("state {state}"));
    if let Some(secret) = find(secret)? {
        client = client.secret(secret);
    }
    let client = client.connect()?;
    let bench = BenchProxy::new(&client);
    for _ in 0..2 {
        eprintln!("ok {}", bench.step()?);
    }
    drop((bench, client));
    eprintln!("over");
    Ok(())
}

/// A mistake in the program.
#[allow(clippy::panic, reason = "this is what it is for")]
fn fall_over() -> ! {
    panic!("the telescope fell over");
}
