//! Versions of a meter, of which one takes the place of another.

pub mod first {
    use std::time::Duration;

    use ipc_core::remote;

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn read(&self, samples: u32, gain: f64) -> f64 {
            f64::from(samples) * gain
        }

        pub fn shift(&self, x: f64, y: f64, _time: Duration) -> f64 {
            10.0 * x + y
        }
    }
}

pub mod narrower {
    use ipc_core::remote;

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn read(&self, samples: u16, gain: f32) -> f32 {
            f32::from(samples) * gain + 0.5
        }

        pub fn read_all(&self) -> u8 {
            9
        }
    }
}

pub mod turned {
    use std::time::Duration;

    use ipc_core::remote;

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn read(&self, gain: f64, samples: u32) -> f64 {
            -f64::from(samples) * gain
        }

        pub fn shift(&self, y: f64, x: f64, _time: Duration) -> f64 {
            10.0 * x + y
        }
    }
}
