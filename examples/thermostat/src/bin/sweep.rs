//! A client that keeps one thermostat for itself, at a server for several clients.

use std::time::Duration;

use ipc_client::Client;
use thermostat::ThermostatProxy;

fn main() {
    if let Err(error) = sweep() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn sweep() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder("127.0.0.1").name("sweep").connect()?;
    let left = ThermostatProxy::named(&client, "left")?;

    let lease = client
        .lease(["left"])
        .because("night run")
        .wait(Duration::from_secs(30))
        .acquire()?;
    for step in 0..10 {
        left.set_setpoint(20.0 + f64::from(step))?;
        println!("{:?}", left.read()?);
    }
    lease.release()?;

    // The same for two lines: the lease ends with the closure.
    client.with(["left"], |_| left.set_setpoint(20.0))??;

    // Two calls that travel together, and run without a call of another client in between.
    let batch = client.batch();
    let batched = ThermostatProxy::with_prefix(&batch, "left_");
    let set = batched.set_setpoint(4.2);
    let reading = batched.read();
    batch.run()?;
    set.get()?;
    println!("{:?}", reading.get()?);

    for holder in client.server().leases()? {
        println!("{} at {}: {}", holder.name, holder.address, holder.because);
    }
    Ok(())
}
