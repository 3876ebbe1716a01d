//! gRPC by tonic, with messages by prost's derive and a service written by hand, because the compiler of protobuf is a
//! program of its own. The limits on sizes and the windows of HTTP/2 are raised.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{self, Poll};

use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client;
use tonic::server::{self, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::messages::Message;
use super::{Contender, Target};
use crate::data::{self, Argument, Failure, Reply, Shape};
use crate::process;
use crate::works::Work;

const SMALL: &str = "/bench.Instrument/Small";
const REPLY: &str = "/bench.Instrument/Reply";
const TAKE: &str = "/bench.Instrument/Take";

/// Size of the windows, in bytes.
const WINDOW: u32 = 16 << 20;

#[derive(Clone)]
struct Instrument(Arc<Reply>);

impl NamedService for Instrument {
    const NAME: &'static str = "bench.Instrument";
}

impl Service<http::Request<Body>> for Instrument {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let reply = Arc::clone(&self.0);
        Box::pin(async move {
            Ok(match request.uri().path() {
                SMALL => unary(request, |n: u32| Ok(data::small(n))).await,
                REPLY => unary(request, move |()| Message::try_from((*reply).clone())).await,
                TAKE => unary(request, |message: Message| Ok(message.receipt())).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

async fn unary<P, R>(
    request: http::Request<Body>,
    method: impl FnOnce(P) -> Result<R, Failure> + Clone,
) -> http::Response<Body>
where
    P: prost::Message + Default + 'static,
    R: prost::Message + Default + 'static,
{
    let service = service_fn(|request: Request<P>| {
        let method = method.clone();
        let answer = method(request.into_inner());
        ready(
            answer
                .map(Response::new)
                .map_err(|error| Status::internal(error.to_string())),
        )
    });
    server::Grpc::new(ProstCodec::default())
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
        .unary(service, request)
        .await
}

/// Serves any number of connections.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let instrument = Instrument(Arc::new(work.expected()));
    process::serve_in_runtime(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(20_000)
            .serve_with_incoming(instrument, incoming);
        Ok(server.await?)
    })
}

/// The client of [`serve`].
pub struct Peer(client::Grpc<Channel>);

impl Peer {
    async fn call<P, R>(&self, path: &'static str, parameter: P) -> Result<R, Failure>
    where
        P: prost::Message + Default + 'static,
        R: prost::Message + Default + 'static,
    {
        let mut grpc = self.0.clone();
        grpc.ready().await?;
        let path = PathAndQuery::from_static(path);
        let answer = grpc
            .unary(Request::new(parameter), path, ProstCodec::default())
            .await?;
        Ok(answer.into_inner())
    }
}

impl Contender for Peer {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let channel = Endpoint::from_shared(format!("http://{}", target.address))?
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .connect()
            .await?;
        let grpc = client::Grpc::new(channel)
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        Ok(Self(grpc))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        self.call(SMALL, n).await
    }

    async fn reply(&self, shape: Shape) -> Result<Reply, Failure> {
        let message: Message = self.call(REPLY, ()).await?;
        message.into_reply(shape)
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        self.call(TAKE, Message::from(argument)).await
    }
}
