use ipc_core::remote;

struct Meter;

pub struct Port<'a>(&'a str);

#[remote]
impl<'a> Port<'a> {
    pub fn name(&self) -> String {
        self.0.into()
    }
}

fn main() {}
