//! The driver of a thermostat, as its author writes it.

use ipc_core::remote;

/// What the controller is doing.
#[remote]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Off,
    Heat { watts: f64 },
}

/// One reading of temperature and mode.
#[remote]
#[derive(Clone, Debug)]
pub struct Reading {
    /// Temperature of the sample.
    #[remote(unit = "°C")]
    pub celsius: f64,
    pub mode: Mode,
}

/// Why the thermostat refuses a setting.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum ThermostatError {
    TooHot { limit: f64 },
}

impl std::fmt::Display for ThermostatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ThermostatError::TooHot { limit } = self;
        write!(f, "the sample must stay below {limit} °C")
    }
}

impl std::error::Error for ThermostatError {}

pub type Result<T> = std::result::Result<T, ThermostatError>;

/// The driver. A real one would own a serial port.
pub struct Thermostat {
    setpoint: f64,
}

impl Thermostat {
    pub fn open() -> Self {
        Self { setpoint: 20.0 }
    }
}

/// A thermostat for one sample.
#[remote]
impl Thermostat {
    /// Temperature to hold.
    #[remote(get, unit = "°C")]
    pub fn setpoint(&self) -> f64 {
        self.setpoint
    }

    #[remote(set)]
    pub fn set_setpoint(&mut self, #[remote(unit = "°C")] setpoint: f64) -> Result<()> {
        if setpoint > 80.0 {
            return Err(ThermostatError::TooHot { limit: 80.0 });
        }
        self.setpoint = setpoint;
        Ok(())
    }

    /// Reads temperature and mode once.
    pub fn read(&mut self) -> Reading {
        Reading {
            celsius: self.setpoint,
            mode: Mode::Heat { watts: 1.5 },
        }
    }

    /// Temperatures of the last `seconds` seconds, one per second.
    #[remote(unit = "°C")]
    pub fn history(&self, #[remote(range = 1..=3600)] seconds: u32) -> Vec<f64> {
        vec![self.setpoint; seconds as usize]
    }
}
