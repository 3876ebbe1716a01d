use ipc_core::remote;

#[remote]
trait Reads {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;

    async fn wait(&mut self) -> Result<u8, Self::Error>;
}

fn main() {}
