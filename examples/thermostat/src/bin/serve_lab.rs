//! The server, open to other computers.

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
    // Runs after a client has stopped holding the server and before the next can use the device. Act first and print last:
    // the terminal may be gone.
    let device = thermostat.on_release(|thermostat, _why| {
        if let Err(error) = thermostat.set_setpoint(20.0) {
            eprintln!("cannot reset the thermostat: {error}");
        }
    });
    Server::builder()
        .bind("*")
        .secret(Secret::from_file("/etc/thermostat.secret")?)
        .device(device)
        .run()?;
    Ok(())
}
