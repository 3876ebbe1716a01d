use ipc_core::remote;


struct Meter;

#[remote]
impl Meter {
    pub fn copy(&self) -> Self {
        Self
    }

    pub fn compare(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    pub fn set_range(&mut self, range: u8) -> &mut Self {
        let _ = range;
        self
    }
}

fn main() {}
