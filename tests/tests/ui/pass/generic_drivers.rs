use ipc_core::{Describe, Local, Wire, remote};

pub trait Port: Send + 'static {
    type Error: std::error::Error + 'static;
    fn ask(&mut self) -> Result<u8, Self::Error>;
}

impl Port for u8 {
    type Error = std::io::Error;
    fn ask(&mut self) -> Result<u8, Self::Error> {
        Ok(*self)
    }
}

pub struct Meter<P: Port>(P);

#[remote]
impl<P: Port> Meter<P> {
    pub fn ask(&mut self) -> Result<u8, std::io::Error> {
        self.0.ask().map_err(|error| std::io::Error::other(error.to_string()))
    }
}

pub struct Buffer<T, const N: usize>(Vec<T>);

#[remote(proxy = BufferOf)]
impl<T: Clone, const N: usize> Buffer<T, N>
where
    T: Wire + Describe,
{
    pub fn push(&mut self, values: &[T], more: Option<&T>) -> Result<Vec<T>, String> {
        self.0.extend_from_slice(values);
        self.0.extend(more.cloned());
        if self.0.len() > N { Err("full".to_string()) } else { Ok(self.0.clone()) }
    }
}

pub struct Only<T>(T);

#[remote]
impl Only<u8> {
    pub fn get(&self) -> u8 {
        self.0
    }
}

#[remote(proxy = OnlyTextProxy)]
impl Only<String> {
    pub fn get(&self) -> String {
        self.0.clone()
    }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter(7_u8)).unwrap());
    assert_eq!(meter.ask(), Ok(7));
    let buffer = BufferOf::<u16, _>::new(&Local::new(Buffer::<u16, 2>(vec![])).unwrap());
    assert_eq!(buffer.push(&[1], Some(&2)), Ok(vec![1, 2]));
    assert!(buffer.push(&[1], None).is_err());
    assert_eq!(OnlyTextProxy::new(&Local::new(Only("a".to_string())).unwrap()).get(), Ok("a".into()));
}
