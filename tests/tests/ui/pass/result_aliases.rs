use ipc_core::{Local, Remote, remote};

#[derive(Debug)]
pub struct Failed;
impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}
impl std::error::Error for Failed {}

type Result<T, E = Failed> = std::result::Result<T, E>;
type Reading = Result<f64>;
type Volts = f64;
mod inner {
    pub type Outcome = std::io::Result<Vec<u8>>;
}

pub struct Meter;

#[remote]
impl Meter {
    pub fn one(&self) -> Result<u8> { Err(Failed) }
    pub fn two(&self) -> Reading { Ok(2.0) }
    pub fn three(&self) -> Volts { 3.0 }
    pub fn four(&self) -> inner::Outcome { Ok(vec![4]) }
    pub fn five(&self) -> std::fmt::Result { Ok(()) }
    pub fn six(&self) -> Option<Result<u8, String>> { None }
    pub fn seven(&self) -> std::result::Result<std::result::Result<u8, String>, Failed> { Ok(Err("x".into())) }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.one().unwrap_err().fault().unwrap().message, "failed");
    assert_eq!((meter.two(), meter.three(), meter.four(), meter.five()), (Ok(2.0), Ok(3.0), Ok(vec![4]), Ok(())));
    assert_eq!((meter.six(), meter.seven()), (Ok(None), Ok(Err("x".to_string()))));
    let errors: Vec<_> = Meter::interface().methods.into_iter().map(|m| m.error.unwrap_or_default()).collect();
    assert_eq!(errors, ["Failed", "Failed", "", "Error", "Error", "", "Failed"]);
}
