//! tarpc with its bincode transport, on a runtime of one thread, which is its fastest setting here.

use futures::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context};
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::contenders::{Contender, array};

#[tarpc::service]
trait Instrument {
    async fn small(n: u32) -> f64;
    async fn array() -> Vec<f64>;
}

#[derive(Clone)]
struct Driver(std::sync::Arc<Vec<f64>>);

impl Instrument for Driver {
    async fn small(self, _: context::Context, n: u32) -> f64 {
        f64::from(n)
    }

    async fn array(self, _: context::Context) -> Vec<f64> {
        self.0.to_vec()
    }
}

fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Serves one connection.
pub fn serve() -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut listener =
            tarpc::serde_transport::tcp::listen("127.0.0.1:0", Bincode::default).await?;
        listener.config_mut().max_frame_length(usize::MAX);
        println!("{}", listener.local_addr());
        if let Some(transport) = listener.next().await {
            let driver = Driver(array().into());
            let requests = BaseChannel::with_defaults(transport?).execute(driver.serve());
            requests.for_each(|response| async { drop(tokio::spawn(response)) }).await;
        }
        Ok(())
    })
}

/// The client of [`serve`].
pub struct Peer {
    runtime: Runtime,
    client: InstrumentClient,
}

impl Peer {
    /// Connects.
    pub fn connect(address: &str) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let client = runtime.block_on(async {
            let mut connect = tarpc::serde_transport::tcp::connect(address, Bincode::default);
            connect.config_mut().max_frame_length(usize::MAX);
            let transport = connect.await?;
            Ok::<_, Failure>(InstrumentClient::new(client::Config::default(), transport).spawn())
        })?;
        Ok(Self { runtime, client })
    }
}

impl Contender for Peer {
    fn small(&mut self, n: u32) -> Result<f64, Failure> {
        Ok(self.runtime.block_on(self.client.small(context::current(), n))?)
    }

    fn array(&mut self) -> Result<Vec<f64>, Failure> {
        Ok(self.runtime.block_on(self.client.array(context::current()))?)
    }
}
