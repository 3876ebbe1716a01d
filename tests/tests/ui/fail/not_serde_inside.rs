use ipc_core::remote;

struct Meter;

pub struct Sample;

#[remote]
impl Meter {
    pub fn samples(&mut self, like: &Sample, old: &[Sample], first: Option<&Sample>) -> Result<Vec<Sample>, String> {
        let _ = (like, old, first);
        Ok(vec![])
    }
}

fn main() {}
