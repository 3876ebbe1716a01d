use ipc_core::remote;

struct Meter;

pub fn text<'a>() -> Option<std::borrow::Cow<'a, str>> {
    None
}

#[remote]
impl Meter {
    pub fn text<'a>(&'a self) -> Option<std::borrow::Cow<'a, str>> {
        None
    }
}

fn main() {}
