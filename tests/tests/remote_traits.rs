//! `#[remote]` on traits and free functions, several blocks, generic drivers, conditions.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll, Waker};

use ipc_core::interface::registry::Registry;
use ipc_core::private::OutgoingCall;
use ipc_core::{
    AsyncCaller, BlockingCaller, CallContext, CallError, Caller, Device, Local, Mock, Shared,
    remote,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Jammed(u32);

impl fmt::Display for Jammed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jammed at {}", self.0)
    }
}

impl std::error::Error for Jammed {}

/// Everything that measures power.
#[remote]
pub trait PowerMeter {
    type Error: std::error::Error;

    const KIND: &'static str = "power meter";

    /// Power in watts.
    #[remote(get, unit = "W")]
    fn power(&self) -> Result<f64, Self::Error>;

    fn read(
        &mut self,
        #[remote(range = 1..=9, default = 1)] mut_count: u32,
        label: &str,
    ) -> Result<Vec<f64>, Self::Error>;

    fn twice(&mut self) -> Result<f64, Self::Error> {
        Ok(self.power()? * 2.0)
    }

    #[remote(skip)]
    fn four_times(&mut self) -> Result<f64, Self::Error> {
        Ok(self.twice()? * 2.0)
    }
}

struct Simulation;

impl PowerMeter for Simulation {
    type Error = Jammed;

    fn power(&self) -> Result<f64, Jammed> {
        Ok(1.5)
    }

    fn read(&mut self, count: u32, label: &str) -> Result<Vec<f64>, Jammed> {
        match label {
            "jam" => Err(Jammed(count)),
            _ => Ok(vec![1.0; count as usize]),
        }
    }
}

fn scan<M: PowerMeter>(meter: &mut M) -> Result<f64, M::Error> {
    Ok(meter.four_times()? + meter.read(2, "go")?.iter().sum::<f64>())
}

#[test]
fn one_function_runs_on_a_driver_and_on_its_proxy() {
    assert_eq!(scan(&mut Simulation), Ok(8.0));
    let local = Local::new(Device::new(PowerMeterDevice(Simulation)).prefix("pump_")).unwrap();
    let mut proxy = PowerMeterProxy::with_prefix(&local, "pump_");
    assert_eq!(scan(&mut proxy), Ok(8.0));
    assert_eq!(proxy.power(), Ok(1.5));
    let error = proxy.read(3, "jam").unwrap_err();
    assert_eq!(error.fault().unwrap().message, "jammed at 3");
    assert!(proxy.read(10, "go").unwrap_err().is_not_executed());
}

#[remote]
trait Slow {
    type Error: std::error::Error;
    async fn measure(&mut self, n: u8) -> Result<u8, Self::Error>;
}

impl Slow for Simulation {
    type Error = Jammed;
    async fn measure(&mut self, n: u8) -> Result<u8, Jammed> {
        ready(Ok(n + 1)).await
    }
}

#[derive(Clone)]
struct Later(Local);

impl Caller for Later {
    type Reply<T: Send + 'static> = Ready<Result<T, CallError>>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Self::Reply<T> {
        ready(self.0.call(call))
    }
}

impl AsyncCaller for Later {
    fn wait<T: DeserializeOwned + Send + 'static>(
        reply: Self::Reply<T>,
    ) -> impl Future<Output = Result<T, CallError>> + Send {
        reply
    }
}

#[test]
fn an_async_trait_is_implemented_for_async_callers() {
    async fn twice<S: Slow>(slow: &mut S) -> Result<u8, S::Error> {
        let once = slow.measure(1).await?;
        slow.measure(once).await
    }
    let later = Later(Local::new(SlowDevice(Simulation)).unwrap());
    let mut proxy = SlowProxy::new(&later);
    let future = std::pin::pin!(twice(&mut proxy));
    let Poll::Ready(result) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        unreachable!()
    };
    assert_eq!(result, Ok(3));
}

/// Both voltages.
///
/// At once.
#[remote(unit = "V", idempotent)]
pub fn read_voltages(
    #[remote(default = 1, range = 1..=10)] samples: u32,
    ctx: &CallContext,
    name: &str,
) -> Result<(f64, String), Jammed> {
    if name == "jam" {
        return Err(Jammed(samples));
    }
    Ok((f64::from(samples), format!("{name} for {}", ctx.client())))
}

#[remote]
async fn wait_for(r#type: u8) -> u8 {
    ready(r#type).await
}

#[test]
fn a_free_function_is_served_and_called_by_its_name() {
    let mut registry = Registry::new();
    registry.add_function(read_voltages::function()).unwrap();
    registry.add_function(wait_for::function()).unwrap();
    let method = &registry.description().functions[0];
    assert_eq!(
        method.signature(""),
        "read_voltages(samples: u32 = 1, name: String) -> (f64, String)"
    );
    assert_eq!(
        (method.doc.as_str(), method.unit.as_deref()),
        ("Both voltages.\n\nAt once.", Some("V"))
    );
    let local = Local::from(registry);
    assert_eq!(
        read_voltages::call(&local, 3, "x"),
        Ok((3.0, "x for this process".into()))
    );
    assert_eq!(wait_for::call(&local, 3), Ok(3));
    let error = read_voltages::call(&local, 3, "jam").unwrap_err();
    assert_eq!(error.downcast::<Jammed>(), Some(Jammed(3)));
    assert!(
        read_voltages::call(&local, 11, "x")
            .unwrap_err()
            .is_not_executed()
    );
}

pub struct Stage<P, const N: usize> {
    port: P,
    log: Vec<[i8; N]>,
}

pub trait Port {
    fn id(&self) -> u32;
}

impl Port for u32 {
    fn id(&self) -> u32 {
        *self
    }
}

#[remote(parts(StageLogProxy))]
impl<P: Port + Send + 'static, const N: usize> Stage<P, N> {
    pub fn id(&self) -> Result<u32, Jammed> {
        Ok(self.port.id())
    }
}

#[remote(part, proxy = StageLogProxy)]
impl<P: Port + Send + 'static, const N: usize> Stage<P, N> {
    pub fn count(&self) -> usize {
        self.log.len()
    }

    #[cfg(any())]
    pub fn absent(&self) -> Nothing {
        Nothing
    }

    #[deprecated(note = "counts too much", since = "2.0.0")]
    pub fn count_twice(&self) -> usize {
        self.log.len() * 2
    }
}

#[test]
fn several_blocks_make_one_device_of_a_generic_driver() {
    let shared = Shared::new(Stage::<u32, 3> {
        port: 7,
        log: vec![],
    });
    let local = Local::new(shared.clone()).unwrap();
    shared.lock().log.push([1, 2, 3]);
    assert_eq!(StageProxy::new(&local).id(), Ok(7));
    let log = StageLogProxy::new(&local);
    assert_eq!(log.count(), Ok(1));
    #[allow(deprecated)]
    let twice = log.count_twice();
    assert_eq!(twice, Ok(2));
    let interface = <Stage<u32, 3> as ipc_core::Remote>::interface();
    let names: Vec<_> = interface.methods.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["id", "count", "count_twice"]);
    assert_eq!(
        interface.methods[2].deprecated.as_deref(),
        Some("counts too much (since 2.0.0)")
    );
}

pub struct Store<T>(T);

#[remote]
impl<T> Store<T>
where
    T: ipc_core::Wire + ipc_core::Describe + Clone,
{
    pub fn swap(&mut self, value: T) -> T {
        std::mem::replace(&mut self.0, value)
    }

    pub fn peek(&self) -> Result<Option<T>, Jammed> {
        Ok(Some(self.0.clone()))
    }
}

#[test]
fn a_proxy_knows_the_parameters_that_its_methods_mention() {
    let local = Local::new(Store(1_u8)).unwrap();
    let store = StoreProxy::<u8, _>::new(&local);
    assert_eq!(store.swap(2), Ok(1));
    assert_eq!(store.peek(), Ok(Some(2)));
}

#[test]
fn a_mock_answers_and_remembers() {
    let mock = Mock::new(|call| match call.method() {
        "get_pump_power" => call.answer(2.5),
        "pump_read" => call.raise(&Jammed(call.arguments::<(u32, String)>().unwrap().0)),
        "pump_twice" => CallError::TimedOut {
            method: "pump_twice".into(),
            after: Default::default(),
            may_have_run: true,
        }
        .into(),
        _ => call.answer("of the wrong type"),
    });
    let mut meter = PowerMeterProxy::with_prefix(&mock, "pump_");
    assert_eq!(PowerMeter::power(&meter), Ok(2.5));
    assert_eq!(meter.read(7, "x").unwrap_err().downcast(), Some(Jammed(7)));
    assert!(matches!(
        meter.four_times(),
        Err(CallError::TimedOut { .. })
    ));
    assert_eq!(mock.calls().len(), 3);
    assert_eq!(mock.calls()[1].arguments(), Ok((7, "x".to_string())));
}

fn _blocking_callers_wait<C: BlockingCaller>(
    proxy: &mut PowerMeterProxy<C>,
) -> Result<f64, CallError> {
    scan(proxy)
}
