//! The lab host, for other computers as well.

use ipc_server::{Secret, Server, Shared};
use thermostat::Thermostat;

fn main() {
    if let Err(error) = serve() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let thermostat = Shared::new(Thermostat::open());
    // Runs when a client no longer holds the server, before the next one gets it. Act first, and report last: there may
    // be no terminal any more to print to.
    let device = thermostat.on_release(|thermostat, _why| {
        if let Err(error) = thermostat.set_setpoint(20.0) {
            eprintln!("the thermostat stays as it is: {error}");
        }
    });
    Server::builder()
        .bind("*")
        .secret(Secret::from_file("/etc/thermostat.secret")?)
        .device(device)
        .run()?;
    Ok(())
}
