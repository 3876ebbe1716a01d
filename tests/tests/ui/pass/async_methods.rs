use ipc_core::{CallContext, Local, remote};

pub struct Meter;

#[remote]
impl Meter {
    pub async fn one(&mut self) -> Result<u8, std::io::Error> {
        std::future::ready(Ok(1)).await
    }

    pub async fn two(&self, ctx: &CallContext, text: &str) -> String {
        format!("{text} {}", ctx.client())
    }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.one(), Ok(1));
    assert_eq!(meter.two("for"), Ok("for this process".to_string()));
}
