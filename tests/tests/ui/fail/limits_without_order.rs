use ipc_core::remote;


#[remote]
#[derive(Clone, Copy)]
pub enum Mode {
    Slow,
    Fast,
}

struct Meter;

#[remote]
impl Meter {
    pub fn one_of(&self, #[remote(one_of = [Mode::Slow, Mode::Fast])] mode: Mode) {
        let _ = mode;
    }

    pub fn range(&self, #[remote(range = Mode::Slow..=Mode::Fast)] mode: Mode) {
        let _ = mode;
    }
}

fn main() {}
