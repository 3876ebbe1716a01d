//! The server, for the lab host.

use ipc_server::{Device, Server};
use thermostat::Thermostat;

fn main() {
    let served = Server::builder()
        .bind("127.0.0.1")
        .device(Device::new(Thermostat::open()).prefix("left_"))
        .device(Device::new(Thermostat::open()).prefix("right_"))
        .run();
    if let Err(error) = served {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
