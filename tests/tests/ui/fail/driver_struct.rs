use ipc_core::remote;


#[remote]
pub struct Meter {
    port: std::net::TcpStream,
}

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

fn main() {}
