//! Types, aliases, parameters and traits called `C`, which a proxy could mistake for its own parameter.
#![allow(dead_code)]

use ipc_core::{Describe, Local, Wire, remote};

mod a_type {
    use super::*;

    #[remote]
    #[derive(Clone, Debug, PartialEq)]
    pub struct C(pub f64);

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn echo(&self, x: C) -> C {
            x
        }

        pub fn set(&mut self, x: &C) {
            let _ = x;
        }
    }

    #[remote]
    pub trait Echoes {
        type Error: std::error::Error;
        fn echo(&mut self, c: C) -> Result<C, Self::Error>;
    }

    impl Echoes for Meter {
        type Error = std::fmt::Error;
        fn echo(&mut self, c: C) -> Result<C, std::fmt::Error> {
            Ok(c)
        }
    }

    #[remote]
    pub fn half(x: C) -> C {
        C(x.0 / 2.0)
    }
}

mod an_alias {
    use super::*;

    pub type C = Vec<u8>;

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn read(&self) -> C {
            vec![1]
        }

        pub fn all(&self) -> Vec<C> {
            vec![vec![1]]
        }
    }
}

mod a_parameter {
    use super::*;

    pub struct Meter<C>(pub C);

    #[remote]
    impl<C: Wire + Describe + Clone> Meter<C> {
        pub fn read(&self) -> C {
            self.0.clone()
        }
    }
}

mod a_trait {
    use super::*;

    #[remote]
    pub trait C {
        type Error: std::error::Error;
        fn read(&mut self) -> Result<u8, Self::Error>;
    }

    pub struct Meter;

    impl C for Meter {
        type Error = std::fmt::Error;
        fn read(&mut self) -> Result<u8, std::fmt::Error> {
            Ok(1)
        }
    }
}

fn main() {
    use a_type::C;

    let local = Local::new(a_type::Meter).unwrap();
    assert_eq!(a_type::MeterProxy::new(&local).echo(C(1.0)), Ok(C(1.0)));
    let local = Local::new(a_type::EchoesDevice(a_type::Meter)).unwrap();
    assert_eq!(a_type::EchoesProxy::new(&local).echo(C(1.0)), Ok(C(1.0)));
    let mut registry = ipc_core::Registry::new();
    registry.add_function(a_type::half::function()).unwrap();
    assert_eq!(a_type::half::call(&Local::from(registry), C(1.0)), Ok(C(0.5)));

    let local = Local::new(an_alias::Meter).unwrap();
    assert_eq!(an_alias::MeterProxy::new(&local).all(), Ok(vec![vec![1]]));
    let local = Local::new(a_parameter::Meter(1_u8)).unwrap();
    assert_eq!(a_parameter::MeterProxy::<u8, _>::new(&local).read(), Ok(1));
    let local = Local::new(a_trait::CDevice(a_trait::Meter)).unwrap();
    assert_eq!(a_trait::CProxy::new(&local).read(), Ok(1));
}
