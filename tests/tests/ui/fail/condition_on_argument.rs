use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn read(&self, #[cfg(unix)] samples: u32) {
        #[cfg(unix)]
        let _ = samples;
    }
}

fn main() {}
