//! The implementations that are compared.

use ipc_client::{Client, Retry};
use ipc_core::remote;
use ipc_server::Server;

use crate::{ARRAY_LEN, Failure, raw, tarpc_peer};

/// In the order of the table. The first is the reference for the others.
pub const NAMES: [&str; 4] = ["raw TCP", "plain", "with a secret", "tarpc"];

/// One implementation.
pub trait Contender {
    /// A small call.
    fn small(&mut self, n: u32) -> Result<f64, Failure>;
    /// A call that returns 8 MB.
    fn array(&mut self) -> Result<Vec<f64>, Failure>;
}

/// Serves until the process is ended; prints the address first.
pub fn serve(name: &str) -> Result<(), Failure> {
    match name {
        "raw TCP" => raw::serve(),
        "tarpc" => tarpc_peer::serve(),
        _ => {
            let mut server = Server::builder().port(0).device(Instrument { array: array() });
            if name == "with a secret" {
                server = server.secret("a secret of some length");
            }
            let server = server.spawn()?;
            println!("{}", server.local_addr());
            std::io::read_to_string(std::io::stdin())?;
            Ok(())
        }
    }
}

/// Connects to a server of that name.
pub fn connect(name: &str, address: &str) -> Result<Box<dyn Contender>, Failure> {
    Ok(match name {
        "raw TCP" => Box::new(raw::Raw::connect(address)?),
        "tarpc" => Box::new(tarpc_peer::Peer::connect(address)?),
        _ => {
            let mut client = Client::builder(address).retry(Retry::never());
            if name == "with a secret" {
                client = client.secret("a secret of some length");
            }
            Box::new(InstrumentProxy::new(&client.connect()?))
        }
    })
}

/// 8 MB.
pub fn array() -> Vec<f64> {
    (0..ARRAY_LEN).map(|n| n as f64).collect()
}

struct Instrument {
    array: Vec<f64>,
}

#[remote]
impl Instrument {
    /// Returns what it is given.
    pub fn small(&mut self, n: u32) -> f64 {
        f64::from(n)
    }

    /// 8 MB.
    pub fn array(&mut self) -> Vec<f64> {
        self.array.clone()
    }
}

impl Contender for InstrumentProxy<Client> {
    fn small(&mut self, n: u32) -> Result<f64, Failure> {
        Ok(InstrumentProxy::small(self, n)?)
    }

    fn array(&mut self) -> Result<Vec<f64>, Failure> {
        Ok(InstrumentProxy::array(self)?)
    }
}
