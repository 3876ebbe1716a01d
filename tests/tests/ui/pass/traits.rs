use ipc_core::{CallError, Local, remote};

pub mod error {
    #[derive(Debug)]
    pub struct Failed(pub String);
    impl std::fmt::Display for Failed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
    impl std::error::Error for Failed {}
    impl From<ipc_core::CallError> for Failed {
        fn from(error: ipc_core::CallError) -> Self {
            Failed(error.to_string())
        }
    }
}

use error::Failed;

#[remote]
pub trait Reads: std::fmt::Debug {
    fn read(&self, mut samples: u32) -> Result<u32, Failed> {
        samples += 1;
        Ok(samples)
    }

    fn fail(&mut self) -> Result<(), Failed>;

    #[cfg(any())]
    fn absent(&self) -> Nothing;

    fn kind() -> &'static str
    where
        Self: Sized,
    {
        "meter"
    }
}

type Answer<T> = std::result::Result<T, CallError>;

#[remote(proxy = FarMeter)]
pub trait Alias {
    fn answer(&self, r#type: &str) -> Answer<String>;
}

#[derive(Debug)]
struct Meter;

impl Reads for Meter {
    fn fail(&mut self) -> Result<(), Failed> {
        Err(Failed("no".into()))
    }
}

fn main() {
    let mut far = ReadsProxy::new(&Local::new(ReadsDevice(Meter)).unwrap());
    assert_eq!(Reads::read(&far, 1).unwrap(), 2);
    assert!(Reads::fail(&mut far).unwrap_err().0.contains("no"));
    assert_eq!(<ReadsProxy<Local> as Reads>::kind(), "meter");
}
