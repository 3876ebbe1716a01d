use ipc_core::{Local, remote};

/// Like `anyhow::Error`: neither an error nor serialisable, but it turns into a box.
pub struct Anyhow(Box<dyn std::error::Error + Send + Sync>);
impl std::fmt::Display for Anyhow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "any: {}", self.0)
    }
}
impl std::fmt::Debug for Anyhow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
impl From<Anyhow> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Anyhow) -> Self {
        error.0
    }
}

#[derive(Debug)]
struct Outer(std::io::Error);
impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

struct Text;
impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text")
    }
}

struct Meter;

#[remote]
impl Meter {
    pub fn anyhow(&self) -> Result<(), Anyhow> {
        Err(Anyhow(Box::new(Outer(std::io::Error::other("inner")))))
    }
    pub fn boxed(&self) -> Result<(), Box<dyn std::error::Error>> {
        Err(Box::new(Outer(std::io::Error::other("inner"))))
    }
    pub fn sendable(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("boxed".into())
    }
    fn _private(&self) -> Result<(), Text> { Ok(()) }
    pub fn string(&self) -> Result<u8, String> { Err("string".into()) }
    pub fn literal(&self) -> Result<u8, &'static str> { Err("literal") }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    let told = |error: ipc_core::CallError| {
        let fault = error.fault().unwrap().clone();
        (fault.message, fault.sources.join(","))
    };
    let outer = ("outer".to_string(), "inner".to_string());
    assert_eq!(told(meter.anyhow().unwrap_err()), outer);
    assert_eq!(told(meter.boxed().unwrap_err()), outer);
    assert_eq!(told(meter.sendable().unwrap_err()).0, "boxed");
    assert_eq!(meter.string().unwrap_err().downcast::<String>().unwrap(), "string");
    assert_eq!(told(meter.literal().unwrap_err()).0, "literal");
}
