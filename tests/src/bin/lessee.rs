//! A client that leases devices, in a process of its own, for tests that kill and stop it; and a server for it.
//!
//! `lessee serve SECRET-FILE PORT STATE-DIR` serves the devices `laser` and `meter` to many clients until it is told to stop.
//! `lessee script SECRET-FILE ADDRESS NAME` does what it is told on its standard input, a line each, and says on its standard
//! output what came of the line with this number: `answer 1: ok`, or the kind of the refusal and its text. `lessee tool ..` is
//! the same, but goes on silently after an interruption. In the place of the file `-` stands for no secret.
//!
//! Commands: `lease DEVICE,DEVICE GRACE-MS`, `note DEVICE WHAT`, `flood DEVICE CALLS` (calls at the same time), `read DEVICE`,
//! `release`, `state`, `reacquire`.

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use ipc_client::{AsyncClient, CallError, ClientBuilder, Lease, LeaseError, Refusal, Retry};
use ipc_core::Secret;
use ipc_server::Server;
use tests::notebook::{Notebook, NotebookProxy};
use tokio::runtime::Runtime;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", secret, port, state_dir] => serve(secret, port, state_dir),
        ["script", secret, address, name] => use_server(secret, script(address, name)),
        ["tool", secret, address, name] => {
            use_server(secret, script(address, name).resume_silently())
        }
        _ => Err("see the source for what to say".into()),
    }
}

fn find(secret: &str) -> Result<Option<Secret>, Box<dyn Error>> {
    match secret {
        "-" => Ok(None),
        file => Ok(Some(Secret::from_file(Path::new(file))?)),
    }
}

fn serve(secret: &str, port: &str, state_dir: &str) -> Result<(), Box<dyn Error>> {
    let notebook = Notebook::default();
    // The port is to be had again after a restart: from 127.0.0.1 others connect, from ports that nobody has chosen.
    let mut server = Server::builder()
        .bind("127.0.0.9")
        .port(port.parse()?)
        .shared()
        .state_dir(state_dir)
        .device(notebook.device("laser"))
        .device(notebook.device("meter"));
    if let Some(secret) = find(secret)? {
        server = server.secret(secret);
    }
    Ok(server.run()?)
}

fn script(address: &str, name: &str) -> ClientBuilder<AsyncClient> {
    AsyncClient::builder(address)
        .name(name)
        .retry(Retry::up_to(Duration::from_secs(60)))
}

fn use_server(secret: &str, mut builder: ClientBuilder<AsyncClient>) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    if let Some(secret) = find(secret)? {
        builder = builder.secret(secret);
    }
    let client = runtime.block_on(async { builder.connect_lazy() })?;
    let mut lessee = Lessee {
        client,
        lease: None,
    };
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = runtime.block_on(lessee.obey(&words))?;
        println!("answer {}: {answer}", number + 1);
    }
    Ok(())
}

struct Lessee {
    client: AsyncClient,
    lease: Option<Lease<AsyncClient>>,
}

impl Lessee {
    async fn obey(&mut self, words: &[&str]) -> Result<String, Box<dyn Error>> {
        let result = match words {
            ["lease", devices, grace_ms] => {
                let grace = Duration::from_millis(grace_ms.parse()?);
                let lease = self.client.lease(devices.split(',')).grace(grace);
                let lease = lease.wait(Duration::from_secs(20)).acquire().await;
                return Ok(match lease {
                    Ok(lease) => {
                        self.lease = Some(lease);
                        "ok".into()
                    }
                    Err(error) => told(&error),
                });
            }
            ["note", device, what] => self.of(device).note((*what).to_string()).await,
            ["flood", device, calls] => return self.flood(device, calls.parse()?).await,
            ["read", device] => self.of(device).count().await.map(drop),
            ["release"] => match self.lease.take() {
                Some(lease) => lease.release().await,
                None => Ok(()),
            },
            ["state"] => match &self.lease {
                Some(lease) => return Ok(lease.state().await?.to_string()),
                None => return Ok("no lease".into()),
            },
            ["reacquire"] => {
                let lease = self.lease.as_mut().ok_or("there is no lease")?;
                let again = lease.reacquire().await;
                return Ok(again.map_or_else(|error| told(&error), |()| "ok".into()));
            }
            _ => return Err(format!("what is `{words:?}`?").into()),
        };
        Ok(outcome(result))
    }

    fn of(&self, device: &str) -> NotebookProxy<AsyncClient> {
        NotebookProxy::with_prefix(&self.client, &format!("{device}_"))
    }

    /// Makes calls at the same time. Returns the kinds of what came of them.
    async fn flood(&self, device: &str, calls: usize) -> Result<String, Box<dyn Error>> {
        let tasks: Vec<_> = (0..calls)
            .map(|_| {
                let device = self.of(device);
                tokio::spawn(async move { device.note("flood".into()).await })
            })
            .collect();
        let mut kinds = Vec::new();
        for task in tasks {
            let outcome = outcome(task.await?);
            kinds.push(outcome.split(':').next().unwrap_or_default().to_string());
        }
        Ok(kinds.join(" "))
    }
}

fn outcome(result: Result<(), CallError>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(error) => kind(&error),
    }
}

fn told(error: &LeaseError) -> String {
    error
        .call_error()
        .map_or_else(|| format!("no lease: {error}"), kind)
}

fn kind(error: &CallError) -> String {
    let kind = match error {
        CallError::Refused(Refusal::Held(_)) => "held",
        CallError::Refused(Refusal::Fenced(_)) => "fenced",
        CallError::Refused(Refusal::Interrupted { .. }) => "interrupted",
        _ => "other",
    };
    format!("{kind}: {error}")
}
