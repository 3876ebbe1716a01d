//! Equally named drivers in different modules, and blocks of one driver of which only one is there.
use ipc_core::{Local, remote};

mod first {
    pub struct Meter;

    #[ipc_core::remote]
    impl Meter {
        pub fn read(&self) -> u8 {
            1
        }
    }
}

mod second {
    pub struct Meter;

    #[ipc_core::remote]
    impl Meter {
        pub fn read(&self) -> u8 {
            2
        }
    }
}

pub struct Meter;

#[cfg(any())]
#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        3
    }
}

#[remote]
#[cfg_attr(all(), cfg(all()))]
impl Meter {
    pub fn read(&self) -> u8 {
        4
    }
}

#[remote]
#[cfg(any())]
impl Meter {
    pub fn read(&self) -> u8 {
        5
    }
}

pub struct Buffer<T>(T);

#[remote(proxy = BytesProxy)]
impl Buffer<u8> {
    pub fn get(&self) -> u8 {
        self.0
    }
}

#[remote(proxy = WordsProxy)]
impl Buffer<u16> {
    pub fn get(&self) -> u16 {
        self.0
    }
}

fn main() {
    let first = Local::new(first::Meter).unwrap();
    assert_eq!(first::MeterProxy::new(&first).read(), Ok(1));
    let second = Local::new(second::Meter).unwrap();
    assert_eq!(second::MeterProxy::new(&second).read(), Ok(2));
    let third = Local::new(Meter).unwrap();
    assert_eq!(MeterProxy::new(&third).read(), Ok(4));
    assert_eq!(BytesProxy::new(&Local::new(Buffer(1_u8)).unwrap()).get(), Ok(1));
    assert_eq!(WordsProxy::new(&Local::new(Buffer(2_u16)).unwrap()).get(), Ok(2));
}
