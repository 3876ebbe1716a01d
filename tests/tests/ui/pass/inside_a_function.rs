use ipc_core::{Local, remote};

fn main() {
    const LIMITS: std::ops::RangeInclusive<u32> = 1..=3;

    #[remote]
    #[derive(Debug, PartialEq)]
    struct Reading(u32);

    struct Meter;

    #[remote]
    impl Meter {
        const MAX: i16 = -1;
        pub fn read(&self, #[remote(range = LIMITS)] n: u32, #[remote(range = -5..Self::MAX)] x: i16) -> Reading {
            let _ = x;
            Reading(n)
        }
    }

    #[remote]
    fn add(n: u32) -> u32 { n }
    let _ = add::function();

    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.read(3, -5), Ok(Reading(3)));
    let text = meter.read(4, -5).unwrap_err().to_string();
    assert!(text.contains("from 1 to 3"), "{text}");
    let text = meter.read(3, -1).unwrap_err().to_string();
    assert!(text.contains("from -5 to less than -1"), "{text}");
}
