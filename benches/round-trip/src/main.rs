//! The round trip of a small call and the transfer of a large array, compared with raw TCP and tarpc in one run.
//!
//! `cargo run --release -- [--rounds N]`. Contenders take turns within each round; every figure is a median over
//! rounds, and ratios are taken round by round against raw TCP. Client and server are separate processes on one core,
//! because waking another core costs more than all the software here.

mod contenders;
mod raw;
mod tarpc_peer;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use contenders::Contender;

type Failure = Box<dyn Error>;

const CALLS: u32 = 2000;
const TRANSFERS: u32 = 5;
/// 8 MB of `f64`.
pub const ARRAY_LEN: usize = 1_000_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    pin_to_one_core();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", name] => contenders::serve(name),
        ["--rounds", rounds] => compare(rounds.parse()?),
        [] => compare(15),
        _ => Err("usage: round-trip [--rounds N]".into()),
    }
}

fn pin_to_one_core() {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(0);
    if rustix::thread::sched_setaffinity(None, &cores).is_err() {
        eprintln!("cannot pin to one core: figures depend on where the processes happen to run");
    }
}

/// A server process of one contender, ended when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(name: &str) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--serve", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let output = process.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_string() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Row {
    name: &'static str,
    p50: Vec<f64>,
    p99: Vec<f64>,
    gigabytes: Vec<f64>,
}

fn compare(rounds: u32) -> Result<(), Failure> {
    let mut running = Vec::new();
    for name in contenders::NAMES {
        let server = Server::start(name)?;
        let contender = contenders::connect(name, &server.address)?;
        let row = Row { name, p50: vec![], p99: vec![], gigabytes: vec![] };
        running.push((server, contender, row));
    }
    for round in 0..=rounds {
        for (_, contender, row) in &mut running {
            let (p50, p99) = round_trips(contender.as_mut())?;
            let gigabytes = transfers(contender.as_mut())?;
            // The first round warms up.
            if round > 0 {
                row.p50.push(p50);
                row.p99.push(p99);
                row.gigabytes.push(gigabytes);
            }
        }
    }
    let rows: Vec<&Row> = running.iter().map(|(_, _, row)| row).collect();
    let raw = rows.first().ok_or("no contender")?;
    println!("{:<16} {:>8} {:>8} {:>7} {:>8} {:>7}", "", "p50 us", "p99 us", "x raw", "8 MB GB/s", "of raw");
    for row in &rows {
        let slower = median(row.p50.iter().zip(&raw.p50).map(|(a, b)| a / b).collect());
        let share = median(row.gigabytes.iter().zip(&raw.gigabytes).map(|(a, b)| a / b).collect());
        println!(
            "{:<16} {:>8.2} {:>8.2} {:>7.2} {:>8.2} {:>7.2}",
            row.name,
            median(row.p50.clone()),
            median(row.p99.clone()),
            slower,
            median(row.gigabytes.clone()),
            share
        );
    }
    Ok(())
}

fn round_trips(contender: &mut dyn Contender) -> Result<(f64, f64), Failure> {
    let mut micros = Vec::new();
    for n in 0..CALLS {
        let began = Instant::now();
        let answer = contender.small(n)?;
        micros.push(began.elapsed().as_secs_f64() * 1e6);
        if answer != f64::from(n) {
            return Err("wrong answer".into());
        }
    }
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    Ok((at(0.5), at(0.99)))
}

fn transfers(contender: &mut dyn Contender) -> Result<f64, Failure> {
    let mut best = Duration::MAX;
    for _ in 0..TRANSFERS {
        let began = Instant::now();
        let array = contender.array()?;
        best = best.min(began.elapsed());
        if array.len() != ARRAY_LEN {
            return Err("wrong length".into());
        }
    }
    Ok(ARRAY_LEN as f64 * 8.0 / best.as_secs_f64() / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
