//! The client, for any computer: `shutter-client lab-host`. It builds no code for serial ports.

use ipc_client::Client;
use shutter::{Position, ShutterProxy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).unwrap_or("127.0.0.1".into());
    let client = Client::builder(host).connect()?;
    let shutter = ShutterProxy::new(&client);
    shutter.go(Position::Open)?;
    println!("{:?}", shutter.position()?);
    Ok(())
}
