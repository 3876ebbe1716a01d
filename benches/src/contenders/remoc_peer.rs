//! remoc: its remote traits over a TCP connection.

use std::sync::Arc;

use remoc::codec::Default as Codec;
use remoc::prelude::*;
use remoc::rtc::CallError;
use tokio::net::{TcpListener, TcpStream};

use super::{Contender, Target};
use crate::data::{self, Argument, Failure, Reply, Shape};
use crate::process;
use crate::works::Work;

#[rtc::remote]
trait Instrument {
    async fn small(&self, n: u32) -> Result<f64, CallError>;
    async fn reply(&self, shape: Shape) -> Result<Reply, CallError>;
    async fn take(&self, argument: Argument) -> Result<f64, CallError>;
}

struct Driver(Reply);

impl Instrument for Driver {
    async fn small(&self, n: u32) -> Result<f64, CallError> {
        Ok(data::small(n))
    }

    async fn reply(&self, _: Shape) -> Result<Reply, CallError> {
        Ok(self.0.clone())
    }

    async fn take(&self, argument: Argument) -> Result<f64, CallError> {
        Ok(argument.receipt())
    }
}

/// Serves any number of connections.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let driver = Arc::new(Driver(work.expected()));
    process::serve_in_runtime(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream, Arc::clone(&driver)));
        }
    })
}

async fn answer(stream: TcpStream, driver: Arc<Driver>) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let (server, client) = InstrumentServerShared::<_, Codec>::new(driver);
    remoc::Connect::io(remoc::Cfg::default(), reader, writer)
        .provide(client)
        .await?;
    server
        .serve()
        .await
        .map_err(|error| error.to_string().into())
}

/// The client of [`serve`].
pub struct Peer(InstrumentClient<Codec>);

impl Contender for Peer {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let connecting = remoc::Connect::io(remoc::Cfg::default(), reader, writer);
        Ok(Self(connecting.consume().await?))
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
