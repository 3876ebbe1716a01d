use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn keep(&mut self, name: &'static str) {
        let _ = name;
    }

    pub fn double(&mut self, name: &&str) {
        let _ = name;
    }

    pub fn list(&mut self, names: Vec<&str>) {
        let _ = names;
    }

    pub fn object(&mut self, any: &dyn std::fmt::Debug) {
        let _ = any;
    }

    pub fn pointer(&mut self, address: *const u8) {
        let _ = address;
    }

    pub fn function(&mut self, function: fn(u8) -> u8) {
        let _ = function;
    }

    pub fn foreign(&mut self, name: &std::ffi::OsStr) {
        let _ = name;
    }
}

fn main() {}
