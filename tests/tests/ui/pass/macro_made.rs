//! A driver that a macro writes, with types from its arguments.
use ipc_core::{Local, remote};

macro_rules! driver {
    ($name:ident, $ty:ty, $default:expr, $value:expr) => {
        pub struct $name;

        #[remote]
        impl $name {
            pub fn echo(&self, #[remote(default = $default)] value: $ty) -> Result<$ty, String> {
                let _ = $value;
                Ok(value)
            }
        }
    };
}

driver!(Meter, Vec<u8>, vec![1], 1);

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.echo(vec![1]), Ok(vec![1]));
}
