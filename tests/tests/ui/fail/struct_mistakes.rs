use ipc_core::remote;

#[remote]
pub struct Borrowed<'a> {
    name: &'a str,
}

#[remote]
pub struct Odd {
    #[remote(default = 1)]
    range: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(flatten)]
    rest: std::collections::HashMap<String, u8>,
}

#[remote]
#[serde(tag = "kind")]
pub enum Tagged {
    #[serde(skip)]
    Hidden,
    #[remote(unit = "V")]
    Volts(f64),
}

fn main() {}
