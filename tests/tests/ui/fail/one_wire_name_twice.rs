use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    pub fn range(&self) -> u8 {
        1
    }

    pub fn get_range(&self) -> u8 {
        1
    }

    #[remote(rename = "get_range")]
    pub fn other(&self) {}
}

fn main() {}
