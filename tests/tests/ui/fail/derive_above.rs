use ipc_core::remote;


#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[remote]
pub struct Reading {
    pub volts: f64,
}

fn main() {}
