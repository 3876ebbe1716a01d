use ipc_core::remote;


#[remote]
pub struct Reading {
    #[remote(skip)]
    hidden: u8,
    #[remote(default = 1)]
    range: u8,
    #[remote(rename = "volts")]
    v: f64,
}

fn main() {}
