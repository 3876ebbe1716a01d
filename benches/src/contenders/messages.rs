//! Replies and arguments as messages of protobuf, which has no integers of 16 bits, no tuples and no lists of lists.

use num_complex::Complex64;

use crate::data::{Argument, Failure, Frame8, Frame16, Reply, Shape, Waveform, receipt};

/// A reply of any shape. Fields that a shape does not use take no space.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(double, tag = "1")]
    t0: f64,
    #[prost(double, tag = "2")]
    dt: f64,
    #[prost(double, repeated, tag = "3")]
    samples: Vec<f64>,
    #[prost(uint32, tag = "4")]
    width: u32,
    #[prost(bytes = "vec", tag = "5")]
    bytes: Vec<u8>,
    #[prost(uint32, repeated, tag = "6")]
    u16: Vec<u32>,
    #[prost(sint32, repeated, tag = "7")]
    i32: Vec<i32>,
    #[prost(message, repeated, tag = "8")]
    rows: Vec<Row>,
    #[prost(message, repeated, tag = "9")]
    pairs: Vec<Pair>,
    #[prost(bool, repeated, tag = "10")]
    bools: Vec<bool>,
    #[prost(string, tag = "11")]
    text: String,
}

/// A list in a list.
#[derive(Clone, PartialEq, prost::Message)]
struct Row {
    #[prost(double, repeated, tag = "1")]
    samples: Vec<f64>,
}

/// Two numbers.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Pair {
    #[prost(double, tag = "1")]
    first: f64,
    #[prost(double, tag = "2")]
    second: f64,
}

impl Message {
    /// What a call that takes this returns.
    pub fn receipt(&self) -> f64 {
        receipt(&self.samples)
    }

    /// The reply of this shape.
    pub fn into_reply(self, shape: Shape) -> Result<Reply, Failure> {
        let pairs = self.pairs.into_iter();
        Ok(match shape {
            Shape::Samples => Reply::Samples(self.samples),
            Shape::Fallible => Reply::Fallible(Ok(self.samples)),
            Shape::U16 => Reply::U16(narrow(&self.u16)?),
            Shape::I32 => Reply::I32(self.i32),
            Shape::Waveform => Reply::Waveform(Waveform {
                t0: self.t0,
                dt: self.dt,
                samples: self.samples,
            }),
            Shape::Tuple => Reply::Tuple((self.t0, self.samples)),
            Shape::Optional => Reply::Optional(Some(self.samples)),
            Shape::Rows => Reply::Rows(self.rows.into_iter().map(|row| row.samples).collect()),
            Shape::Frame8 => Reply::Frame8(Frame8 {
                width: self.width,
                pixels: self.bytes,
            }),
            Shape::Frame16 => Reply::Frame16(Frame16 {
                width: self.width,
                pixels: narrow(&self.u16)?,
            }),
            Shape::Pairs => Reply::Pairs(pairs.map(|pair| (pair.first, pair.second)).collect()),
            Shape::Complex => Reply::Complex(
                pairs
                    .map(|pair| Complex64::new(pair.first, pair.second))
                    .collect(),
            ),
            Shape::Bools => Reply::Bools(self.bools),
            Shape::Text => Reply::Text(self.text),
            Shape::Nested => return Err("has no nested messages".into()),
        })
    }
}

impl TryFrom<Reply> for Message {
    type Error = Failure;

    fn try_from(reply: Reply) -> Result<Self, Failure> {
        let mut it = Self::default();
        match reply {
            Reply::Samples(samples) | Reply::Optional(Some(samples)) => it.samples = samples,
            Reply::Optional(None) => {}
            Reply::Fallible(samples) => it.samples = samples?,
            Reply::U16(u16) => it.u16 = widen(&u16),
            Reply::I32(i32) => it.i32 = i32,
            Reply::Waveform(waveform) => it = waveform.into(),
            Reply::Tuple((t0, samples)) => (it.t0, it.samples) = (t0, samples),
            Reply::Rows(rows) => {
                it.rows = rows.into_iter().map(|samples| Row { samples }).collect();
            }
            Reply::Frame8(frame) => (it.width, it.bytes) = (frame.width, frame.pixels),
            Reply::Frame16(frame) => (it.width, it.u16) = (frame.width, widen(&frame.pixels)),
            Reply::Pairs(pairs) => {
                it.pairs = pairs
                    .iter()
                    .map(|&(first, second)| Pair { first, second })
                    .collect();
            }
            Reply::Complex(numbers) => {
                it.pairs = numbers
                    .iter()
                    .map(|z| Pair {
                        first: z.re,
                        second: z.im,
                    })
                    .collect();
            }
            Reply::Bools(bools) => it.bools = bools,
            Reply::Text(text) => it.text = text,
            Reply::Nested(_) | Reply::ByName(_) => return Err("has no such messages".into()),
        }
        Ok(it)
    }
}

impl From<Waveform> for Message {
    fn from(Waveform { t0, dt, samples }: Waveform) -> Self {
        Self {
            t0,
            dt,
            samples,
            ..Self::default()
        }
    }
}

impl From<Argument> for Message {
    fn from(argument: Argument) -> Self {
        match argument {
            Argument::Samples(samples) => Self {
                samples,
                ..Self::default()
            },
            Argument::Waveform(waveform) => waveform.into(),
        }
    }
}

fn widen(numbers: &[u16]) -> Vec<u32> {
    numbers.iter().copied().map(u32::from).collect()
}

fn narrow(numbers: &[u32]) -> Result<Vec<u16>, Failure> {
    Ok(numbers
        .iter()
        .map(|n| u16::try_from(*n))
        .collect::<Result<_, _>>()?)
}
