//! Arrays that serde takes, and those of any length that the driver promises to be short.
use ipc_core::{Local, Wire, remote};

pub struct Scope<const N: usize> {
    trace: [f64; N],
}

#[remote]
impl<const N: usize> Scope<N>
where
    [f64; N]: Wire,
{
    pub fn trace(&self) -> [f64; N] {
        self.trace
    }

    pub fn load(&mut self, trace: &[f64; N]) -> Frame<N> {
        self.trace = *trace;
        Frame { trace: self.trace }
    }
}

#[remote]
#[derive(Debug, PartialEq)]
pub struct Frame<const N: usize>
where
    [f64; N]: Wire,
{
    trace: [f64; N],
}

/// A field may be as long as it likes if it says how it travels.
#[remote]
#[derive(Debug, PartialEq)]
pub struct Page {
    #[serde(with = "as_list")]
    data: [u8; 64],
    #[serde(skip, default = "none")]
    cache: [u8; 64],
}

fn none() -> [u8; 64] {
    [0; 64]
}

mod as_list {
    use ipc_core::private::serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(array: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        array.to_vec().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        let list = Vec::<u8>::deserialize(deserializer)?;
        list.try_into().map_err(|_| D::Error::custom("not 64 bytes"))
    }
}

pub struct Memory;

#[remote]
impl Memory {
    pub fn page(&self, of: [u8; 32]) -> Page {
        Page { data: [of[31]; 64], cache: [1; 64] }
    }
}

fn main() {
    let local = Local::new(Scope { trace: [1.0, 2.0] }).unwrap();
    let scope = ScopeProxy::<2, _>::new(&local);
    assert_eq!(scope.load(&[3.0, 4.0]), Ok(Frame { trace: [3.0, 4.0] }));
    assert_eq!(scope.trace(), Ok([3.0, 4.0]));
    let memory = Local::new(Memory).unwrap();
    let page = MemoryProxy::new(&memory).page([7; 32]);
    assert_eq!(page, Ok(Page { data: [7; 64], cache: [0; 64] }));
}
