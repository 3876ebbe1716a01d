use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn one(&self, #[remote(one_of = "low")] x: &str) {
        let _ = x;
    }

    pub fn none(&self, #[remote(one_of = [])] x: &str) {
        let _ = x;
    }
}

fn main() {}
