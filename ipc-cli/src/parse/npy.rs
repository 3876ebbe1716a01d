//! The file format of NumPy's arrays, both ways.

use ipc_client::{ElementType, Numbers};

/// The first bytes of every file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// The types of NumPy, without the order of their bytes.
const TYPES: &[(&str, ElementType)] = &[
    ("b1", ElementType::Bool),
    ("u1", ElementType::U8),
    ("u2", ElementType::U16),
    ("u4", ElementType::U32),
    ("u8", ElementType::U64),
    ("i1", ElementType::I8),
    ("i2", ElementType::I16),
    ("i4", ElementType::I32),
    ("i8", ElementType::I64),
    ("f4", ElementType::F32),
    ("f8", ElementType::F64),
];

/// The contents of a file with this array, in version 1.0 of the format.
///
/// # Errors
///
/// NumPy has no such numbers; the text says so.
pub(crate) fn encode(numbers: &Numbers) -> Result<Vec<u8>, String> {
    let element = numbers.element();
    let found = TYPES.iter().find(|(_, known)| *known == element);
    let (name, _) = found.ok_or_else(|| format!("NumPy has no numbers of the type `{element}`"))?;
    let order = if element.size() == 1 { '|' } else { '<' };
    let shape: Vec<_> = numbers.shape().iter().map(usize::to_string).collect();
    let shape = match shape.as_slice() {
        [only] => format!("({only},)"),
        several => format!("({})", several.join(", ")),
    };
    let mut header =
        format!("{{'descr': '{order}{name}', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers begin at a multiple of 64 bytes.
    let length = MAGIC.len() + 4 + header.len() + 1;
    header.push_str(&" ".repeat(length.next_multiple_of(64) - length));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(|_| "it has too many dimensions")?;
    Ok([
        MAGIC,
        &[1, 0],
        &length.to_le_bytes(),
        header.as_bytes(),
        numbers.bytes(),
    ]
    .concat())
}

/// The array in the contents of a file.
///
/// # Errors
///
/// The file is another one, or has an array that cannot be sent; the text says which.
pub(crate) fn decode(file: &[u8]) -> Result<Numbers, String> {
    let not_npy = || "it is not a .npy file".to_string();
    let rest = file.strip_prefix(MAGIC).ok_or_else(not_npy)?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u16::from_le_bytes([*a, *b]).into(), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        [version, _, ..] => return Err(format!("its format has the unknown version {version}")),
        _ => return Err(not_npy()),
    };
    let end = usize::try_from(length).map_err(|_| not_npy())?;
    let (header, bytes) = rest
        .split_at_checked(end)
        .ok_or("it ends within its header")?;
    let header = str::from_utf8(header).map_err(|_| not_npy())?;
    let Header {
        element,
        is_big_endian,
        is_fortran,
        shape,
    } = Header::read(header)?;
    let count = shape.iter().try_fold(1_usize, |all, n| all.checked_mul(*n));
    let size = count.and_then(|count| count.checked_mul(element.size()));
    if size != Some(bytes.len()) {
        let given = bytes.len();
        return Err(format!(
            "it has {given} bytes of numbers, which is not what the shape {shape:?} of {element} needs"
        ));
    }
    let mut bytes = bytes.to_vec();
    if is_big_endian {
        let numbers = bytes.chunks_exact_mut(element.size());
        numbers.for_each(<[u8]>::reverse);
    }
    if is_fortran {
        bytes = last_index_fastest(&bytes, element.size(), &shape);
    }
    Numbers::new(element, shape, bytes).map_err(|error| error.to_string())
}

/// Reorders numbers of which the first index runs fastest, as in Fortran.
fn last_index_fastest(bytes: &[u8], size: usize, shape: &[usize]) -> Vec<u8> {
    let count = bytes.len() / size;
    let mut ordered = Vec::with_capacity(bytes.len());
    for mut index in 0..count {
        let (mut from, mut stride) = (0, count);
        for length in shape.iter().rev() {
            stride /= length;
            from += index % length * stride;
            index /= length;
        }
        ordered.extend(
            bytes
                .get(from * size..(from + 1) * size)
                .unwrap_or_default(),
        );
    }
    ordered
}

struct Header {
    element: ElementType,
    is_big_endian: bool,
    is_fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
    fn read(header: &str) -> Result<Self, String> {
        let after = |key: &str| {
            let at = ["'", "\""].map(|quote| format!("{quote}{key}{quote}:"));
            let mut found = at.iter().filter_map(|key| header.split_once(key.as_str()));
            let value = found.next().map(|(_, value)| value.trim_start());
            value.ok_or_else(|| format!("its header has no `{key}`"))
        };
        let (element, is_big_endian) = element(after("descr")?)?;
        let shape = after("shape")?.strip_prefix('(');
        let shape = shape.and_then(|rest| rest.split_once(')'));
        let (shape, _) = shape.ok_or("its header has no list of lengths as `shape`")?;
        let lengths = shape.split(',').map(str::trim).filter(|it| !it.is_empty());
        let lengths: Result<Vec<usize>, _> = lengths.map(str::parse).collect();
        Ok(Self {
            element,
            is_big_endian,
            is_fortran: after("fortran_order")?.starts_with("True"),
            shape: lengths.map_err(|_| format!("its shape ({shape}) has no lengths"))?,
        })
    }
}

fn element(descr: &str) -> Result<(ElementType, bool), String> {
    let quoted = descr.strip_prefix(['\'', '"']);
    let quoted = quoted.and_then(|rest| rest.split_once(['\'', '"']));
    let (name, _) = quoted.ok_or("it is an array of records; save one of its fields instead")?;
    let plain = name.trim_start_matches(['<', '>', '|', '=']);
    match TYPES.iter().find(|(known, _)| *known == plain) {
        Some((_, element)) => Ok((*element, name.starts_with('>'))),
        None => Err(format!(
            "it is an array of `{name}`, and only truth values, integers and `f4` and `f8` can be read; convert it \
             with `.astype(float)`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), bytes].concat()
    }

    fn random(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn every_array_comes_back() {
        let mut state = 7;
        for _ in 0..500 {
            let (_, element) = TYPES[random(&mut state) as usize % TYPES.len()];
            let dimensions = random(&mut state) % 4;
            let shape: Vec<_> = (0..dimensions)
                .map(|_| random(&mut state) as usize % 5)
                .collect();
            let count: usize = shape.iter().product();
            let byte = |state: &mut u64| match element {
                ElementType::Bool => random(state) as u8 % 2,
                _ => random(state) as u8,
            };
            let bytes: Vec<u8> = (0..count * element.size())
                .map(|_| byte(&mut state))
                .collect();
            let numbers = Numbers::new(element, shape, bytes).unwrap();
            let file = encode(&numbers).unwrap();
            assert_eq!((file.len() - numbers.bytes().len()) % 64, 0);
            assert_eq!(decode(&file), Ok(numbers));
        }
    }

    #[test]
    fn the_file_is_that_of_numpy() {
        // numpy.save(file, numpy.array([[1, 2, 3]], dtype="<u2"))
        let numbers = Numbers::from(vec![1_u16, 2, 3])
            .reshaped(vec![1, 3])
            .unwrap();
        let dict = "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 3), }";
        let header = format!("{dict:<117}\n");
        let expected = file(&header, &[1, 0, 2, 0, 3, 0]);
        assert_eq!(encode(&numbers), Ok(expected));
        let wide = Numbers::from(vec![1_u128]);
        assert_eq!(
            encode(&wide).unwrap_err(),
            "NumPy has no numbers of the type `u128`"
        );
    }

    #[test]
    fn other_orders_are_converted() {
        let big = file(
            "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }",
            &[0, 1, 255, 255],
        );
        assert_eq!(decode(&big), Ok(Numbers::from(vec![1_i16, -1])));
        let fortran = file(
            "{\"descr\": \"|u1\", \"fortran_order\": True, \"shape\": (2, 3)}",
            &[1, 4, 2, 5, 3, 6],
        );
        let expected = Numbers::from(vec![1_u8, 2, 3, 4, 5, 6]).reshaped(vec![2, 3]);
        assert_eq!(
            decode(&fortran),
            expected.map_err(|error| error.to_string())
        );
        let mut later = vec![0x93];
        later.extend(b"NUMPY\x03\x00\x39\x00\x00\x00");
        later.extend(b"{'descr': '<u1', 'fortran_order': False, 'shape': (1,), }\x07");
        assert_eq!(decode(&later), Ok(Numbers::from(vec![7_u8])));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let with = |descr: &str| {
            file(
                &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}"),
                &[0; 8],
            )
        };
        for (file, text) in [
            (b"time,volts\n".to_vec(), "it is not a .npy file"),
            (MAGIC.to_vec(), "it is not a .npy file"),
            (
                [MAGIC, &[9, 0]].concat(),
                "its format has the unknown version 9",
            ),
            (
                [MAGIC, &[1, 0, 50, 0, 7]].concat(),
                "it ends within its header",
            ),
            (with("[('a', '<f8')]"), "it is an array of records"),
            (with("'<c16'"), "it is an array of `<c16`, and only"),
            (
                with("'<f4'"),
                "it has 8 bytes of numbers, which is not what the shape [1] of f32 needs",
            ),
            (file("{}", &[]), "its header has no `descr`"),
            (
                file("{'descr': '<f8', 'shape': 3}", &[]),
                "its header has no list of lengths",
            ),
            (
                file(
                    "{'descr': '<f8', 'fortran_order': False, 'shape': (a,)}",
                    &[],
                ),
                "its shape (a,) has no lengths",
            ),
            (
                file("{'descr': '<f8', 'shape': ()}", &[]),
                "its header has no `fortran_order`",
            ),
            (
                file(
                    "{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}",
                    &[2],
                ),
                "a bool is the byte 0 or 1, not 2",
            ),
        ] {
            let error = decode(&file).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
