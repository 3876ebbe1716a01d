//! jsonrpsee over a WebSocket, with its limits on sizes raised.

use std::sync::Arc;

use jsonrpsee::client_transport::ws::{Url, WsTransportClientBuilder};
use jsonrpsee::core::client::{Client, ClientBuilder};
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::ServerConfig;

use super::{Contender, Target};
use crate::data::{self, Argument, Failure, Reply, Shape};
use crate::process;
use crate::works::Work;

#[rpc(client, server)]
trait Instrument {
    #[method(name = "small")]
    async fn small(&self, n: u32) -> RpcResult<f64>;
    #[method(name = "reply")]
    async fn reply(&self, shape: Shape) -> RpcResult<Reply>;
    #[method(name = "take")]
    async fn take(&self, argument: Argument) -> RpcResult<f64>;
}

struct Driver(Arc<Reply>);

#[async_trait]
impl InstrumentServer for Driver {
    async fn small(&self, n: u32) -> RpcResult<f64> {
        Ok(data::small(n))
    }

    async fn reply(&self, _: Shape) -> RpcResult<Reply> {
        Ok((*self.0).clone())
    }

    async fn take(&self, argument: Argument) -> RpcResult<f64> {
        Ok(argument.receipt())
    }
}

/// Serves any number of connections.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let driver = Driver(Arc::new(work.expected()));
    process::serve_in_runtime(async move {
        let config = ServerConfig::builder()
            .max_request_body_size(u32::MAX)
            .max_response_body_size(u32::MAX)
            .ws_only()
            .build();
        let builder = jsonrpsee::server::Server::builder().set_config(config);
        let server = builder.build("127.0.0.1:0").await?;
        println!("{}", server.local_addr()?);
        server.start(driver.into_rpc()).stopped().await;
        Ok(())
    })
}

/// The client of [`serve`].
pub struct Peer(Client);

impl Contender for Peer {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let (sender, receiver) = WsTransportClientBuilder::default()
            .max_request_size(u32::MAX)
            .max_response_size(u32::MAX)
            .build(Url::parse(&format!("ws://{}", target.address))?)
            .await?;
        let client = ClientBuilder::default().max_concurrent_requests(20_000);
        Ok(Self(client.build_with_tokio(sender, receiver)))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        Ok(self.0.small(n).await?)
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        Ok(self.0.reply(shape).await?)
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        Ok(self.0.take(argument).await?)
    }
}
