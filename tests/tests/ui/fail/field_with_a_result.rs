use ipc_core::remote;


#[remote]
pub struct Parsed {
    value: Result<u8, std::num::ParseIntError>,
    works: Result<u8, String>,
}

fn main() {}
