//! A client, for any computer.

use ipc_client::Client;
use thermostat::{ThermostatError, ThermostatProxy};

fn main() {
    if let Err(error) = cool() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn cool() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder("127.0.0.1").connect()?;
    let left = ThermostatProxy::named(&client, "left")?;

    left.set_setpoint(4.2)?;
    println!("{:?}", left.read()?);
    println!("{} values", left.history(60)?.len());

    // The driver's error arrives as the value that the driver returned.
    let error = left.set_setpoint(300.0).unwrap_err();
    assert_eq!(
        error.downcast(),
        Some(ThermostatError::TooHot { limit: 80.0 })
    );
    println!("{error}");

    // A call by name needs no types from the driver.
    let setpoint: f64 = client.call("get_left_setpoint", ())?;
    println!("{setpoint} °C");
    println!("{}", client.help()?);
    Ok(())
}
