//! What travels: replies of many shapes, all of one size in bytes, and arguments.

use ipc_core::{CodecError, Value, remote};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The error of fallible calls. Boxed, because contenders have errors of their own.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The shape of a reply.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Shape {
    Samples,
    Fallible,
    U16,
    I32,
    Waveform,
    Tuple,
    Optional,
    Rows,
    Frame8,
    Frame16,
    Pairs,
    Complex,
    Bools,
    Text,
    /// A struct in a struct in a struct ..
    Nested,
}

impl Shape {
    /// Every shape that is compared at 8 MB, in the order of the table.
    pub const ARRAYS: [Self; 14] = [
        Self::Samples,
        Self::Fallible,
        Self::U16,
        Self::I32,
        Self::Waveform,
        Self::Tuple,
        Self::Optional,
        Self::Rows,
        Self::Frame8,
        Self::Frame16,
        Self::Pairs,
        Self::Complex,
        Self::Bools,
        Self::Text,
    ];

    /// The type, as a reader of the table knows it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Samples => "Vec<f64>",
            Self::Fallible => "Result<Vec<f64>, E>",
            Self::U16 => "Vec<u16>",
            Self::I32 => "Vec<i32>",
            Self::Waveform => "struct Waveform",
            Self::Tuple => "(f64, Vec<f64>)",
            Self::Optional => "Option<Vec<f64>>",
            Self::Rows => "Vec<Vec<f64>>",
            Self::Frame8 => "camera frame, u8",
            Self::Frame16 => "camera frame, u16",
            Self::Pairs => "Vec<(f64, f64)>",
            Self::Complex => "Vec<Complex64>",
            Self::Bools => "Vec<bool>",
            Self::Text => "String",
            Self::Nested => "nested structs",
        }
    }
}

/// What an oscilloscope returns. `#[remote]` derives serde's traits, which the peers use.
#[remote]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waveform {
    pub t0: f64,
    pub dt: f64,
    pub samples: Vec<f64>,
}

/// What a camera with 8 bits per pixel returns.
#[remote]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame8 {
    pub width: u32,
    pub pixels: Vec<u8>,
}

/// What a camera with up to 16 bits per pixel returns.
#[remote]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame16 {
    pub width: u32,
    pub pixels: Vec<u16>,
}

/// A value that contains another one, and so on.
#[remote]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nested {
    pub value: f64,
    pub inner: Option<Box<Nested>>,
}

/// A reply of any shape. The peers send it as it is; this project has a method for each shape.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Reply {
    Samples(Vec<f64>),
    Fallible(Result<Vec<f64>, String>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    Waveform(Waveform),
    Tuple((f64, Vec<f64>)),
    Optional(Option<Vec<f64>>),
    Rows(Vec<Vec<f64>>),
    Frame8(Frame8),
    Frame16(Frame16),
    Pairs(Vec<(f64, f64)>),
    Complex(Vec<Complex64>),
    Bools(Vec<bool>),
    Text(String),
    Nested(Nested),
    /// What a call by name has returned.
    #[serde(skip)]
    ByName(Value),
}

impl Reply {
    /// The same reply with the type of its shape.
    pub fn typed(self, shape: Shape) -> Result<Self, CodecError> {
        let Self::ByName(value) = self else {
            return Ok(self);
        };
        Ok(match shape {
            Shape::Samples => Self::Samples(value.try_into()?),
            Shape::Waveform => Self::Waveform(value.into_typed()?),
            Shape::Rows => Self::Rows(value.into_typed()?),
            Shape::Frame8 => Self::Frame8(value.into_typed()?),
            _ => Self::ByName(value),
        })
    }

    /// The expected reply: about `size` bytes on the wire, or for [`Shape::Nested`] `size` levels.
    pub fn of(shape: Shape, size: usize) -> Self {
        match shape {
            Shape::Samples => Self::Samples(samples(size)),
            Shape::Fallible => Self::Fallible(Ok(samples(size))),
            Shape::U16 => Self::U16(integers(size / 2)),
            Shape::I32 => Self::I32((0_i32..).take(size / 4).collect()),
            Shape::Waveform => Self::Waveform(waveform(size)),
            Shape::Tuple => Self::Tuple((0.5, samples(size))),
            Shape::Optional => Self::Optional(Some(samples(size))),
            Shape::Rows => Self::Rows(samples(size).chunks(10_000).map(<[f64]>::to_vec).collect()),
            Shape::Frame8 => Self::Frame8(Frame8 {
                width: 2000,
                pixels: bytes(size),
            }),
            Shape::Frame16 => Self::Frame16(Frame16 {
                width: 2000,
                pixels: integers(size / 2),
            }),
            Shape::Pairs => Self::Pairs(samples(size / 2).into_iter().map(|x| (x, -x)).collect()),
            Shape::Complex => Self::Complex(
                samples(size / 2)
                    .into_iter()
                    .map(|x| Complex64::new(x, -x))
                    .collect(),
            ),
            Shape::Bools => {
                Self::Bools(bytes(size).into_iter().map(|byte| byte % 3 == 0).collect())
            }
            Shape::Text => Self::Text("0123456789abcdef".repeat(size / 16)),
            Shape::Nested => Self::Nested((1..size).fold(leaf(), |inner, _| Nested {
                inner: Some(Box::new(inner)),
                ..leaf()
            })),
        }
    }
}

/// An argument of about `size` bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Argument {
    Samples(Vec<f64>),
    Waveform(Waveform),
}

impl Argument {
    /// What a call that takes this returns.
    pub fn receipt(&self) -> f64 {
        match self {
            Self::Samples(samples) => receipt(samples),
            Self::Waveform(waveform) => receipt(&waveform.samples),
        }
    }
}

/// Numbers with short decimals, so that text formats transfer them exactly.
pub fn samples(size: usize) -> Vec<f64> {
    (0_u32..)
        .take(size / 8)
        .map(|n| f64::from(n) * 0.25)
        .collect()
}

/// A waveform of `size` bytes of samples.
pub fn waveform(size: usize) -> Waveform {
    Waveform {
        t0: 0.5,
        dt: 1e-6,
        samples: samples(size),
    }
}

/// What a call that takes samples returns: it depends on both ends of the array and on its length.
pub fn receipt(samples: &[f64]) -> f64 {
    let ends = samples.first().zip(samples.last());
    ends.map_or(0.0, |(first, last)| first + last) + samples.len() as f64
}

/// What a small call returns.
pub fn small(n: u32) -> f64 {
    f64::from(n)
}

fn integers(count: usize) -> Vec<u16> {
    (0..=u16::MAX).cycle().take(count).collect()
}

fn bytes(count: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(count).collect()
}

fn leaf() -> Nested {
    Nested {
        value: 0.5,
        inner: None,
    }
}
