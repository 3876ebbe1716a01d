//! What a client process does: it connects, and makes one round of calls for each line of its standard input.

use std::io::BufRead;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::channel::mpsc;
use serde::{Deserialize, Serialize};

use crate::contenders::{Contender, Target};
use crate::data::{Argument, Failure, Reply, samples, small, waveform};
use crate::process;
use crate::works::{Kind, Work};

/// What the parent asks for: one round of measurements.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Ask {
    /// How long the round takes, in milliseconds. It takes longer if the fewest calls do.
    pub milliseconds: u64,
    /// Minimum number of calls.
    pub fewest: usize,
}

/// What the calls of a round took, in microseconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Took {
    pub p50: f64,
    pub p99: f64,
}

impl Took {
    fn of(mut micros: Vec<f64>) -> Result<Self, Failure> {
        micros.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let index = (micros.len().saturating_sub(1)) * percent / 100;
            micros.get(index).copied().ok_or("nothing was measured")
        };
        Ok(Self {
            p50: at(50)?,
            p99: at(99)?,
        })
    }
}

/// Runs a client that blocks its thread.
pub fn blocking<C: Contender>(target: Target) -> Result<(), Failure> {
    futures::executor::block_on(rounds::<C>(target))
}

/// Runs an async client in a task of a runtime with one thread.
pub fn in_task<C: Contender>(target: Target) -> Result<(), Failure> {
    process::runtime()?.block_on(async { tokio::spawn(rounds::<C>(target)).await? })
}

/// The same for a client that cannot leave its thread, in a [`LocalSet`](tokio::task::LocalSet).
#[cfg(feature = "peers")]
pub async fn in_local_task<C: Contender>(target: Target) -> Result<(), Failure> {
    tokio::task::spawn_local(rounds::<C>(target)).await?
}

/// Small calls of many tasks at once.
pub async fn tasks<C: Contender>(client: Arc<C>, width: u32, each: u32) -> Result<(), Failure> {
    let calls = |client: Arc<C>| async move {
        for n in 0..each {
            check(client.small(n).await? == small(n))?;
        }
        Ok::<_, Failure>(())
    };
    let tasks: Vec<_> = (0..width)
        .map(|_| tokio::spawn(calls(Arc::clone(&client))))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn rounds<C: Contender>(target: Target) -> Result<(), Failure> {
    let mut caller = Caller::<C>::new(target).await?;
    println!("ready");
    let mut asks = asks();
    while let Some(ask) = asks.next().await {
        let took = caller.round(&ask?).await?;
        println!("{}", serde_json::to_string(&took)?);
    }
    Ok(())
}

/// The lines of standard input, read on a thread of their own, so that an async client can go on in the meantime.
fn asks() -> mpsc::UnboundedReceiver<Result<Ask, Failure>> {
    let (sender, asks) = mpsc::unbounded();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let ask = line
                .map_err(Failure::from)
                .and_then(|line| Ok(serde_json::from_str(&line)?));
            if sender.unbounded_send(ask).is_err() {
                return;
            }
        }
    });
    asks
}

struct Caller<C> {
    target: Target,
    /// None if each call makes a connection of its own.
    client: Option<Arc<C>>,
    expected: Reply,
    argument: Argument,
    next: u32,
}

impl<C: Contender> Caller<C> {
    async fn new(target: Target) -> Result<Self, Failure> {
        let work = &target.work;
        let client = match work.kind {
            Kind::Connect => None,
            _ => Some(Arc::new(C::connect(&target).await?)),
        };
        Ok(Self {
            client,
            expected: C::expected(work),
            argument: argument(work),
            next: 0,
            target,
        })
    }

    async fn round(&mut self, ask: &Ask) -> Result<Took, Failure> {
        let end = Instant::now() + Duration::from_millis(ask.milliseconds);
        let mut micros = Vec::new();
        while micros.len() < ask.fewest || Instant::now() < end {
            micros.push(self.once().await?);
        }
        Took::of(micros)
    }

    /// One call, or as many as there are in flight. Returns the microseconds of one. Results are checked after the clock
    /// has stopped, except where many calls run at once.
    async fn once(&mut self) -> Result<f64, Failure> {
        let kind = self.target.work.kind;
        let Some(client) = &self.client else {
            let began = Instant::now();
            let client = C::connect(&self.target).await?;
            let answer = client.small(1).await?;
            let took = began.elapsed();
            check(answer == small(1))?;
            client.close().await;
            return Ok(micros(took, 1));
        };
        self.next = self.next.wrapping_add(1);
        let n = self.next;
        match kind {
            Kind::Small | Kind::Paced | Kind::Connect => {
                if kind == Kind::Paced {
                    C::pause(Duration::from_millis(2)).await;
                }
                let began = Instant::now();
                let answer = client.small(n).await?;
                let took = began.elapsed();
                check(answer == small(n))?;
                Ok(micros(took, 1))
            }
            Kind::InFlight(width) => {
                let each = (640 / width).max(2);
                let began = Instant::now();
                client.in_flight(width, each).await?;
                Ok(micros(began.elapsed(), width * each))
            }
            Kind::Threads(threads) => {
                let each = 200;
                let began = Instant::now();
                client.threads(threads, each)?;
                Ok(micros(began.elapsed(), threads * each))
            }
            Kind::Clients(clients) => {
                let each = 200;
                let began = Instant::now();
                client.clients(clients, each).await?;
                Ok(micros(began.elapsed(), clients * each))
            }
            Kind::Reply(shape) => {
                let began = Instant::now();
                let reply = client.reply(shape).await?;
                let took = began.elapsed();
                check(reply.typed(shape)? == self.expected)?;
                Ok(micros(took, 1))
            }
            Kind::Samples | Kind::Waveform => {
                let began = Instant::now();
                // Made anew for each call, as a program makes its data.
                let receipt = client.take(self.argument.clone()).await?;
                let took = began.elapsed();
                check(receipt == self.argument.receipt())?;
                Ok(micros(took, 1))
            }
        }
    }
}

fn argument(work: &Work) -> Argument {
    match work.kind {
        Kind::Waveform => Argument::Waveform(waveform(work.size)),
        _ => Argument::Samples(samples(work.size)),
    }
}

fn micros(took: Duration, calls: u32) -> f64 {
    took.as_secs_f64() * 1e6 / f64::from(calls)
}

fn check(right: bool) -> Result<(), Failure> {
    if right {
        Ok(())
    } else {
        Err("the answer is wrong".into())
    }
}
