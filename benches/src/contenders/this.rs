//! This project, through the generated proxy and with all defaults.

use std::time::Duration;

use ipc_client::{AsyncClient, Client, DynamicDevice, Value, args};
use ipc_core::{Device, Secret, remote};
use ipc_server::Server;
use num_complex::Complex64;

use super::{Contender, Target};
use crate::data::{self, Argument, Failure, Frame8, Frame16, Nested, Reply, Shape, Waveform};
use crate::process;
use crate::works::{Kind, Work};

/// A driver with a method for each shape. Only what the work at hand returns is filled.
#[derive(Default)]
struct Instrument {
    samples: Vec<f64>,
    u16: Vec<u16>,
    i32: Vec<i32>,
    waveform: Waveform,
    rows: Vec<Vec<f64>>,
    frame8: Frame8,
    frame16: Frame16,
    pairs: Vec<(f64, f64)>,
    complex: Vec<Complex64>,
    bools: Vec<bool>,
    text: String,
    nested: Nested,
}

#[remote]
impl Instrument {
    pub fn small(&mut self, n: u32) -> f64 {
        data::small(n)
    }

    pub fn samples(&mut self) -> Vec<f64> {
        self.samples.clone()
    }

    pub fn fallible(&mut self) -> Result<Vec<f64>, String> {
        Ok(self.samples.clone())
    }

    pub fn u16(&mut self) -> Vec<u16> {
        self.u16.clone()
    }

    pub fn i32(&mut self) -> Vec<i32> {
        self.i32.clone()
    }

    pub fn waveform(&mut self) -> Waveform {
        self.waveform.clone()
    }

    pub fn tuple(&mut self) -> (f64, Vec<f64>) {
        (0.5, self.samples.clone())
    }

    pub fn optional(&mut self) -> Option<Vec<f64>> {
        Some(self.samples.clone())
    }

    pub fn rows(&mut self) -> Vec<Vec<f64>> {
        self.rows.clone()
    }

    pub fn frame8(&mut self) -> Frame8 {
        self.frame8.clone()
    }

    pub fn frame16(&mut self) -> Frame16 {
        self.frame16.clone()
    }

    pub fn pairs(&mut self) -> Vec<(f64, f64)> {
        self.pairs.clone()
    }

    pub fn complex(&mut self) -> Vec<Complex64> {
        self.complex.clone()
    }

    pub fn bools(&mut self) -> Vec<bool> {
        self.bools.clone()
    }

    pub fn text(&mut self) -> String {
        self.text.clone()
    }

    pub fn nested(&mut self) -> Nested {
        self.nested.clone()
    }

    pub fn take(&mut self, samples: Vec<f64>) -> f64 {
        data::receipt(&samples)
    }

    pub fn take_waveform(&mut self, waveform: Waveform) -> f64 {
        data::receipt(&waveform.samples)
    }
}

impl Instrument {
    fn returning(reply: Reply) -> Self {
        let mut it = Self::default();
        match reply {
            Reply::Samples(samples) | Reply::Fallible(Ok(samples)) | Reply::Tuple((_, samples)) => {
                it.samples = samples;
            }
            Reply::Optional(samples) => it.samples = samples.unwrap_or_default(),
            Reply::Fallible(Err(_)) | Reply::ByName(_) => {}
            Reply::U16(u16) => it.u16 = u16,
            Reply::I32(i32) => it.i32 = i32,
            Reply::Waveform(waveform) => it.waveform = waveform,
            Reply::Rows(rows) => it.rows = rows,
            Reply::Frame8(frame) => it.frame8 = frame,
            Reply::Frame16(frame) => it.frame16 = frame,
            Reply::Pairs(pairs) => it.pairs = pairs,
            Reply::Complex(complex) => it.complex = complex,
            Reply::Bools(bools) => it.bools = bools,
            Reply::Text(text) => it.text = text,
            Reply::Nested(nested) => it.nested = nested,
        }
        it
    }
}

/// Serves as many devices as the work wants; clients call the last one.
pub fn serve(work: &Work, secret: Option<Secret>) -> Result<(), Failure> {
    let mut server = Server::builder()
        .port(0)
        .queue(work.waiting)
        // A holder that only waits for its next round is not idle here.
        .idle_handover(None);
    if let Some(secret) = secret {
        server = server.secret(secret);
    }
    if let Kind::Clients(_) = work.kind {
        server = server.shared();
    }
    for n in 1..work.devices {
        let prefix = format!("device{n}_");
        server = server.device(Device::new(Instrument::default()).prefix(prefix));
    }
    let server = server
        .device(Instrument::returning(work.expected()))
        .spawn()?;
    println!("{}", server.local_addr());
    process::wait_for_parent()
}

/// Calls the method of a shape. `await` follows for async clients.
macro_rules! reply {
    ($proxy:expr, $shape:expr $(, $await:tt)?) => {
        Ok(match $shape {
            Shape::Samples => Reply::Samples($proxy.samples() $(.$await)? ?),
            Shape::Fallible => Reply::Fallible(Ok($proxy.fallible() $(.$await)? ?)),
            Shape::U16 => Reply::U16($proxy.u16() $(.$await)? ?),
            Shape::I32 => Reply::I32($proxy.i32() $(.$await)? ?),
            Shape::Waveform => Reply::Waveform($proxy.waveform() $(.$await)? ?),
            Shape::Tuple => Reply::Tuple($proxy.tuple() $(.$await)? ?),
            Shape::Optional => Reply::Optional($proxy.optional() $(.$await)? ?),
            Shape::Rows => Reply::Rows($proxy.rows() $(.$await)? ?),
            Shape::Frame8 => Reply::Frame8($proxy.frame8() $(.$await)? ?),
            Shape::Frame16 => Reply::Frame16($proxy.frame16() $(.$await)? ?),
            Shape::Pairs => Reply::Pairs($proxy.pairs() $(.$await)? ?),
            Shape::Complex => Reply::Complex($proxy.complex() $(.$await)? ?),
            Shape::Bools => Reply::Bools($proxy.bools() $(.$await)? ?),
            Shape::Text => Reply::Text($proxy.text() $(.$await)? ?),
            Shape::Nested => Reply::Nested($proxy.nested() $(.$await)? ?),
        })
    };
}

/// The blocking client.
pub struct Blocking(Vec<InstrumentProxy<Client>>);

impl Blocking {
    fn first(&self) -> Result<&InstrumentProxy<Client>, Failure> {
        Ok(self.0.first().ok_or("no client")?)
    }
}

impl Contender for Blocking {
    async fn pause(time: Duration) {
        std::thread::sleep(time);
    }

    async fn connect(target: &Target) -> Result<Self, Failure> {
        let mut client = Client::builder(&target.address);
        if let Some(secret) = &target.secret {
            client = client.secret(secret.clone());
        }
        let clients = match target.work.kind {
            Kind::Clients(clients) => clients,
            _ => 1,
        };
        let connect = |_| Ok(InstrumentProxy::new(&client.clone().connect()?));
        (0..clients)
            .map(connect)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        Ok(self.first()?.small(n)?)
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        reply!(self.first()?, shape)
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        let proxy = self.first()?;
        Ok(match argument {
            Argument::Samples(samples) => proxy.take(samples)?,
            Argument::Waveform(waveform) => proxy.take_waveform(waveform)?,
        })
    }

    async fn clients(&self, _clients: u32, each: u32) -> Result<(), Failure> {
        at_once(self.0.iter(), each)
    }

    fn threads(&self, threads: u32, each: u32) -> Result<(), Failure> {
        let proxy = self.first()?;
        at_once((0..threads).map(|_| proxy), each)
    }
}

/// Makes `each` small calls through each of the proxies, all of them on threads of their own.
fn at_once<'a>(
    proxies: impl Iterator<Item = &'a InstrumentProxy<Client>>,
    each: u32,
) -> Result<(), Failure> {
    let calls = |proxy: &InstrumentProxy<Client>| -> Result<(), Failure> {
        for n in 0..each {
            if proxy.small(n)? != data::small(n) {
                return Err("wrong answer".into());
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = proxies
            .map(|proxy| scope.spawn(move || calls(proxy)))
            .collect();
        callers.into_iter().try_for_each(|caller| {
            caller
                .join()
                .map_err(|_| Failure::from("a thread panicked"))?
        })
    })
}

/// The async client.
pub struct Asynchronous(InstrumentProxy<AsyncClient>);

impl Contender for Asynchronous {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let mut client = AsyncClient::builder(&target.address);
        if let Some(secret) = &target.secret {
            client = client.secret(secret.clone());
        }
        Ok(Self(InstrumentProxy::new(&client.connect().await?)))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        Ok(self.0.small(n).await?)
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        reply!(self.0, shape, await)
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        Ok(match argument {
            Argument::Samples(samples) => self.0.take(samples).await?,
            Argument::Waveform(waveform) => self.0.take_waveform(waveform).await?,
        })
    }
}

/// The blocking client without the types of the driver.
pub struct ByName(DynamicDevice<Client>);

impl Contender for ByName {
    async fn pause(time: Duration) {
        std::thread::sleep(time);
    }

    async fn connect(target: &Target) -> Result<Self, Failure> {
        let client = Client::connect(&target.address)?;
        Ok(Self(client.device("instrument")))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        Ok(self.0.call("small", args![n])?.try_into()?)
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        let method = match shape {
            Shape::Samples => "samples",
            Shape::Waveform => "waveform",
            Shape::Rows => "rows",
            Shape::Frame8 => "frame8",
            _ => return Err("does not take part".into()),
        };
        Ok(Reply::ByName(self.0.call(method, args![])?))
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        let (method, value) = match argument {
            Argument::Samples(samples) => ("take", samples.into()),
            Argument::Waveform(Waveform { t0, dt, samples }) => {
                let fields = vec![
                    ("t0".into(), t0.into()),
                    ("dt".into(), dt.into()),
                    ("samples".into(), samples.into()),
                ];
                ("take_waveform", Value::Map(fields))
            }
        };
        Ok(self.0.call(method, args![value])?.try_into()?)
    }
}

/// Connects `count` clients that wait for the server until the parent process closes standard input.
pub fn wait(address: &str, count: u32) -> Result<(), Failure> {
    let address = address.to_owned();
    process::serve_in_runtime(async move {
        for _ in 0..count {
            let (queued, mut waiting) = tokio::sync::mpsc::unbounded_channel();
            let client = AsyncClient::builder(&address)
                .connect_timeout(Duration::MAX)
                .on_state(move |state| {
                    if matches!(state, ipc_client::ConnectionState::Queued(_)) {
                        let _ = queued.send(());
                    }
                });
            tokio::spawn(client.connect());
            // One after the other, because the number of unauthenticated connections is limited.
            waiting.recv().await;
        }
        println!("waiting");
        std::future::pending().await
    })
}
