//! What is measured.

use crate::data::{Reply, Shape};

/// Size of a large reply or argument in bytes.
pub const LARGE: usize = 8_000_000;

/// One measured thing: what the client does, and what the server is like.
#[derive(Clone, Debug)]
pub struct Work {
    pub name: String,
    pub kind: Kind,
    /// Shows how a cost grows. Only this project takes part, beside raw TCP and tarpc where they can.
    pub growth: bool,
    /// Size of replies and arguments in bytes, or number of levels of a nested value.
    pub size: usize,
    /// Number of devices at the server.
    pub devices: usize,
    /// Number of clients that wait for the server.
    pub waiting: usize,
}

/// The calls that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One small call after the other.
    Small,
    /// A small call every 2 ms.
    Paced,
    /// Small calls over one connection, this number of them at a time.
    InFlight(u32),
    /// Small calls of several threads through one blocking client.
    Threads(u32),
    /// Small calls of several clients at once, to one device of a shared server.
    Clients(u32),
    /// A call with a large reply.
    Reply(Shape),
    /// A call with a large argument, a bare list of samples.
    Samples,
    /// A call with a large argument, a struct that contains samples.
    Waveform,
    /// A connection, and a small call over it.
    Connect,
}

impl Work {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        Self {
            name,
            kind,
            growth: false,
            size: 8,
            devices: 1,
            waiting: 0,
        }
    }

    fn growth(name: String, kind: Kind) -> Self {
        Self {
            growth: true,
            ..Self::new(name, kind)
        }
    }

    fn sized(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// Whether this is about the speed of the transfer: shown as a share of raw TCP instead of a multiple.
    pub fn is_bulk(&self) -> bool {
        matches!(self.kind, Kind::Reply(_) | Kind::Samples | Kind::Waveform) && self.size >= LARGE
    }

    /// Whether calls are made at once.
    pub fn has_many_at_once(&self) -> bool {
        matches!(
            self.kind,
            Kind::InFlight(_) | Kind::Threads(_) | Kind::Clients(_)
        )
    }

    /// What grows.
    pub fn series(&self) -> &str {
        self.name.split_once(": ").map_or("", |(series, _)| series)
    }

    /// The shape of replies.
    pub fn shape(&self) -> Shape {
        match self.kind {
            Kind::Reply(shape) => shape,
            _ => Shape::Samples,
        }
    }

    /// The reply to expect, which is also what the server returns.
    pub fn expected(&self) -> Reply {
        Reply::of(self.shape(), self.size)
    }
}

/// All works, in the order of the table.
pub fn all() -> Vec<Work> {
    let mut works = vec![
        Work::new("small call", Kind::Small),
        Work::new("small call every 2 ms", Kind::Paced),
    ];
    for width in [64, 1_000, 10_000] {
        works.push(Work::new(
            format!("{width} in flight"),
            Kind::InFlight(width),
        ));
    }
    works.push(Work::new("64 threads, one client", Kind::Threads(64)));
    works.push(Work::new("connect and first call", Kind::Connect));
    works.extend(Shape::ARRAYS.map(large));
    works.push(Work::new("8 MB argument", Kind::Samples).sized(LARGE));
    works.push(Work::new("8 MB argument in a struct", Kind::Waveform).sized(LARGE));
    works.push(Work::new("64 KiB argument", Kind::Samples).sized(64 * 1024));

    for devices in [1, 10, 100, 1_000] {
        let name = format!("devices: {devices}");
        works.push(Work {
            devices,
            ..Work::growth(name, Kind::Small)
        });
    }
    for waiting in [0, 10, 100, 1_000] {
        let name = format!("waiting clients: {waiting}");
        works.push(Work {
            waiting,
            ..Work::growth(name, Kind::Small)
        });
    }
    for width in [1, 4, 16, 256, 4_000] {
        works.push(Work::growth(
            format!("in flight: {width}"),
            Kind::InFlight(width),
        ));
    }
    for clients in [1, 2, 8, 32] {
        works.push(Work::growth(
            format!("clients of a shared server: {clients}"),
            Kind::Clients(clients),
        ));
    }
    for size in [
        64,
        512,
        4 << 10,
        32 << 10,
        256 << 10,
        2 << 20,
        16 << 20,
        64 << 20,
    ] {
        let kind = Kind::Reply(Shape::Samples);
        works.push(Work::growth(format!("reply: {}", bytes(size)), kind).sized(size));
    }
    for levels in [1, 4, 16, 30] {
        let kind = Kind::Reply(Shape::Nested);
        works.push(Work::growth(format!("nested structs: {levels}"), kind).sized(levels));
    }
    works
}

/// A large reply of this shape.
pub fn large(shape: Shape) -> Work {
    Work::new(format!("8 MB {}", shape.label()), Kind::Reply(shape)).sized(LARGE)
}

/// The work of this name.
pub fn named(name: &str) -> Option<Work> {
    all().into_iter().find(|work| work.name == name)
}

fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size >> 10),
        _ => format!("{} MiB", size >> 20),
    }
}
