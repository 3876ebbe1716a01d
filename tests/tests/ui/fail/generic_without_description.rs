use ipc_core::remote;


struct Buffer<T>(Vec<T>);

#[remote]
impl<T: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + 'static> Buffer<T> {
    pub fn all(&self) -> Vec<T> {
        self.0.clone()
    }
}

fn main() {}
