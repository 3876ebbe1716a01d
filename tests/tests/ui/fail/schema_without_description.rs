use ipc_core::remote;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Foreign;

struct Meter;

#[remote]
impl Meter {
    #[remote(schema = Foreign)]
    pub fn read(&self) -> Foreign {
        Foreign
    }

    #[remote(schema = [f64; 3])]
    pub fn write(&self, vector: Foreign) {
        let _ = vector;
    }
}

fn main() {}
