use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn name(&self) -> &str {
        "meter"
    }

    pub fn kind(&self) -> Result<&'static str, String> {
        Ok("meter")
    }

    pub fn samples(&self) -> &[f64] {
        &[]
    }
}

fn main() {}
