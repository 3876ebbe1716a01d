//! Random schemas and the bytes of random values, written by hand.

use super::{Field, Schema, Variant};

/// A source of random numbers that gives the same ones for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn number(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// A schema that nests at most this deep.
    pub(super) fn schema(&mut self, depth: u32) -> Schema {
        let kinds = if depth == 0 { 7 } else { 16 };
        match self.below(kinds) {
            0 => Schema::Unit,
            1 => Schema::Bool,
            2 => Schema::Unsigned(8 << self.below(5)),
            3 => Schema::Signed(8 << self.below(5)),
            4 => Schema::Float(32 << self.below(2)),
            5 => Schema::Char,
            6 => Schema::String,
            7 | 8 => Schema::Option(self.inner(depth)),
            9 | 10 => Schema::List(self.inner(depth)),
            11 => {
                let inner = self.inner(depth);
                Schema::Array(inner, self.below(4))
            }
            12 => Schema::Tuple(
                (0..1 + self.below(3))
                    .map(|_| self.schema(depth - 1))
                    .collect(),
            ),
            13 => {
                let key = self.inner(depth);
                Schema::Map(key, self.inner(depth))
            }
            14 => Schema::Struct {
                name: "Struct".into(),
                doc: String::new(),
                fields: self.fields(depth),
            },
            _ => Schema::Enum {
                name: "Enum".into(),
                doc: String::new(),
                variants: self.variants(depth),
            },
        }
    }

    fn inner(&mut self, depth: u32) -> Box<Schema> {
        Box::new(self.schema(depth - 1))
    }

    fn variants(&mut self, depth: u32) -> Vec<Variant> {
        let variant = |number| Variant {
            // One with a name that JSON has to escape.
            name: format!("{}v{number}", if number == 0 { "$" } else { "" }),
            doc: String::new(),
            fields: self.fields(depth),
        };
        (0..3).map(variant).collect()
    }

    fn fields(&mut self, depth: u32) -> Vec<Field> {
        let is_numbered = self.below(2) == 0;
        let field = |number| Field {
            name: if is_numbered {
                format!("{number}")
            } else {
                format!("f{number}")
            },
            schema: self.schema(depth - 1),
            ..Field::default()
        };
        let count = field_count(is_numbered, depth);
        (0..count).map(field).collect()
    }

    /// Appends the bytes of a value.
    pub(super) fn value(&mut self, schema: &Schema, out: &mut Vec<u8>) {
        match schema {
            Schema::Bool => out.push(self.below(2) as u8),
            Schema::Unsigned(bits) | Schema::Signed(bits) => self.bits(*bits, out),
            Schema::Float(bits) => self.float(*bits, out),
            Schema::Char => {
                let c = ['a', 'µ', '€', '🔬', '\n', '"'][self.below(6) as usize];
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Schema::String => {
                let text = [
                    "",
                    "NaN",
                    "$some",
                    "µW \u{1b}[2J",
                    "12345678901234567890123",
                ][self.below(5) as usize];
                out.extend_from_slice(&(text.len() as u64).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Schema::Option(inner) => {
                let is_some = self.below(2);
                out.push(is_some as u8);
                if is_some == 1 {
                    self.value(inner, out);
                }
            }
            Schema::List(inner) => {
                let count = self.below(4);
                out.extend_from_slice(&count.to_le_bytes());
                (0..count).for_each(|_| self.value(inner, out));
            }
            Schema::Array(inner, count) => (0..*count).for_each(|_| self.value(inner, out)),
            Schema::Tuple(items) => items.iter().for_each(|item| self.value(item, out)),
            Schema::Map(key, value) => {
                let count = self.below(3);
                out.extend_from_slice(&count.to_le_bytes());
                for _ in 0..count {
                    self.value(key, out);
                    self.value(value, out);
                }
            }
            Schema::Struct { fields, .. } => {
                fields
                    .iter()
                    .for_each(|field| self.value(&field.schema, out));
            }
            Schema::Enum { variants, .. } => {
                let number = self.below(variants.len() as u64);
                out.extend_from_slice(&(number as u32).to_le_bytes());
                let fields = &variants[number as usize].fields;
                fields
                    .iter()
                    .for_each(|field| self.value(&field.schema, out));
            }
            _ => {}
        }
    }

    fn bits(&mut self, bits: u8, out: &mut Vec<u8>) {
        let (low, high) = (self.extreme(), self.extreme());
        let wide = u128::from(high) << 64 | u128::from(low);
        out.extend_from_slice(&wide.to_le_bytes()[..usize::from(bits / 8)]);
    }

    /// Often one of the ends.
    fn extreme(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            _ => self.number(),
        }
    }

    fn float(&mut self, bits: u8, out: &mut Vec<u8>) {
        match (bits, self.below(3)) {
            (32, 0) => out.extend_from_slice(&(self.number() as u32).to_le_bytes()),
            (32, 1) => out.extend_from_slice(&(self.below(1000) as f32 / 10.0).to_le_bytes()),
            (32, _) => out.extend_from_slice(&f32::NAN.to_le_bytes()),
            (_, 0) => out.extend_from_slice(&self.number().to_le_bytes()),
            (_, 1) => out.extend_from_slice(&(self.below(1000) as f64 / 10.0).to_le_bytes()),
            (_, _) => out.extend_from_slice(&0xfff8_0000_0000_0001_u64.to_le_bytes()),
        }
    }
}

/// Fields with numbers for names are those of a tuple struct, of which there is at least one.
fn field_count(is_numbered: bool, depth: u32) -> u32 {
    u32::from(is_numbered) + depth % 3
}
