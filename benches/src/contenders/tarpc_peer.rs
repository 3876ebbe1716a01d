//! tarpc with its bincode transport, on runtimes of one thread, which is its fastest setting here.

use std::sync::Arc;

use futures::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context};

use super::{Contender, Target};
use crate::data::{self, Argument, Failure, Reply, Shape};
use crate::process;
use crate::works::Work;

#[tarpc::service]
trait Instrument {
    async fn small(n: u32) -> f64;
    async fn reply(shape: Shape) -> Reply;
    async fn take(argument: Argument) -> f64;
}

#[derive(Clone)]
struct Driver(Arc<Reply>);

impl Instrument for Driver {
    async fn small(self, _: context::Context, n: u32) -> f64 {
        data::small(n)
    }

    async fn reply(self, _: context::Context, _: Shape) -> Reply {
        (*self.0).clone()
    }

    async fn take(self, _: context::Context, argument: Argument) -> f64 {
        argument.receipt()
    }
}

/// Serves any number of connections.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let driver = Driver(Arc::new(work.expected()));
    process::serve_in_runtime(async move {
        let mut listener =
            tarpc::serde_transport::tcp::listen("127.0.0.1:0", Bincode::default).await?;
        listener.config_mut().max_frame_length(usize::MAX);
        println!("{}", listener.local_addr());
        while let Some(transport) = listener.next().await {
            let requests = BaseChannel::with_defaults(transport?).execute(driver.clone().serve());
            tokio::spawn(requests.for_each(|response| async {
                tokio::spawn(response);
            }));
        }
        Ok(())
    })
}

/// The client of [`serve`].
pub struct Peer(InstrumentClient);

impl Contender for Peer {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let mut connect = tarpc::serde_transport::tcp::connect(&target.address, Bincode::default);
        connect.config_mut().max_frame_length(usize::MAX);
        let mut config = client::Config::default();
        config.max_in_flight_requests = 20_000;
        Ok(Self(InstrumentClient::new(config, connect.await?).spawn()))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        Ok(self.0.small(context::current(), n).await?)
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        Ok(self.0.reply(context::current(), shape).await?)
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        Ok(self.0.take(context::current(), argument).await?)
    }
}
