//! A driver whose port is a parameter, so that tests give it a simulated one. The proxy knows nothing of the port.
use std::io::{self, Cursor, Read, Write};
use std::rc::Rc;

use ipc_core::{Local, remote};

pub struct Scope<P> {
    port: P,
}

#[remote]
impl<P: Read + Write> Scope<P> {
    pub fn identify(&mut self) -> io::Result<String> {
        self.port.write_all(b"*IDN?")?;
        let mut answer = String::new();
        self.port.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

pub trait Port {
    type Error;

    fn ask(&mut self) -> Result<u8, Self::Error>;
}

impl Port for u8 {
    type Error = io::Error;

    fn ask(&mut self) -> io::Result<u8> {
        Ok(*self)
    }
}

pub struct Meter<P>(P);

#[remote(parts(MeterServiceProxy))]
impl<P: Port> Meter<P>
where
    P::Error: std::error::Error,
{
    pub fn ask(&mut self) -> Result<u8, P::Error> {
        self.0.ask()
    }
}

#[remote(part, proxy = MeterServiceProxy)]
impl<P: Port> Meter<P> {
    pub fn reset(&mut self) -> Result<(), String> {
        self.0.ask().map(|_| ()).map_err(|_| "lost".to_string())
    }
}

// Something on a thread of its own can still be used here, only not served.
fn local_only() -> io::Result<String> {
    struct Tied(Rc<u8>);
    impl Read for Tied {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok((*self.0).into())
        }
    }
    impl Write for Tied {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    Scope { port: Tied(Rc::new(0)) }.identify()
}

fn kept(scope: ScopeProxy<Local>) -> Result<String, ipc_core::CallError> {
    scope.identify()
}

fn main() {
    let port: Box<Cursor<Vec<u8>>> = Box::new(Cursor::new(b"*IDN?scope".to_vec()));
    let local = Local::new(Scope { port }).unwrap();
    assert_eq!(kept(ScopeProxy::new(&local)), Ok("scope".into()));
    assert_eq!(local_only().unwrap(), "");
    let local = Local::new(Meter(7_u8)).unwrap();
    assert_eq!(MeterProxy::new(&local).ask(), Ok(7));
    assert_eq!(MeterServiceProxy::new(&local).reset(), Ok(()));
}
