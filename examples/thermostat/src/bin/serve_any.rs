//! A server whose devices come and go while it runs: type `add right`, `remove left`, and Ctrl-D to stop.

use std::error::Error;

use ipc_server::{Device, Server, ServerHandle};
use thermostat::Thermostat;

fn main() {
    if let Err(error) = serve() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let server = Server::builder()
        .bind("127.0.0.1")
        .device(thermostat("left"))
        .spawn()?;
    for line in std::io::stdin().lines() {
        if let Err(error) = change(&server, &line?) {
            eprintln!("error: {error}");
        }
    }
    server.stop();
    Ok(())
}

fn change(server: &ServerHandle, command: &str) -> Result<(), Box<dyn Error>> {
    match command.split_once(' ') {
        Some(("add", name)) => server.add_device(thermostat(name))?,
        Some(("remove", name)) => server.remove(name)?,
        _ => return Err("expected `add` or `remove`, and a name".into()),
    }
    Ok(())
}

fn thermostat(name: &str) -> Device {
    Device::new(Thermostat::open())
        .name(name)
        .prefix(format!("{name}_"))
}
