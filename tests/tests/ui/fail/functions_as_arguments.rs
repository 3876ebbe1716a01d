use ipc_core::remote;


struct Meter;

#[remote]
impl Meter {
    pub fn pointer(&self, f: fn(f64) -> f64) {
        let _ = f;
    }

    pub fn boxed(&self, f: Box<dyn Fn(f64)>) {
        let _ = f;
    }

    pub fn reference(&self, f: &dyn FnMut(f64)) {
        let _ = f;
    }

    pub fn list(&self) -> Vec<Box<dyn std::fmt::Debug>> {
        vec![]
    }
}

fn main() {}
