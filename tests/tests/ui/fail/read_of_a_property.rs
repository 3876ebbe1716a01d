use ipc_core::remote;

struct Laser;

#[remote]
impl Laser {
    #[remote(get, read)]
    pub fn power(&self) -> f64 {
        1.0
    }

    #[remote(set, read)]
    pub fn set_power(&mut self, power: f64) {
        drop(power);
    }

    #[remote(read = true)]
    pub fn level(&mut self) -> f64 {
        1.0
    }
}

fn main() {}
