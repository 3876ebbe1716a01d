use ipc_core::{Registry, remote};

#[remote]
pub fn add(a: f64, b: f64) -> f64 {
    a + b
}

fn main() {
    let _ = Registry::new().add_function(add);
}
