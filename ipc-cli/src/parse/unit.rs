//! Units of numbers: whether two are the same, and the power of ten between them.

/// The power of ten by which a number in `given` is multiplied to be one in `wanted`. `None` if they do not differ by
/// their prefixes only.
pub(super) fn power_between(given: &str, wanted: &str) -> Option<i32> {
    let (given, wanted) = (normal(given), normal(wanted));
    if given == wanted {
        return Some(0);
    }
    let (from, given) = parts(&given)?;
    let (to, wanted) = parts(&wanted)?;
    (given == wanted).then_some(from - to)
}

/// The unit in one spelling of those that mean the same.
fn normal(unit: &str) -> String {
    let unit = unit.trim().replace(['µ', 'μ'], "u");
    unit.replace("Ohm", "Ω")
        .replace("ohm", "Ω")
        .replace('\u{2126}', "Ω")
}

/// The power of ten of the prefix, and the symbol after it. `None` for a symbol that takes no prefixes.
fn parts(unit: &str) -> Option<(i32, &str)> {
    let symbol = |symbol: &str| SYMBOLS.iter().find(|known| **known == symbol);
    if let Some(symbol) = symbol(unit) {
        return Some((0, litre(symbol)));
    }
    PREFIXES.iter().find_map(|(prefix, power)| {
        let symbol = symbol(unit.strip_prefix(prefix)?)?;
        Some((*power, litre(symbol)))
    })
}

/// The litre has two symbols.
fn litre(symbol: &'static str) -> &'static str {
    if symbol == "l" { "L" } else { symbol }
}

/// The symbols that take prefixes. A symbol is read as itself before it is read as a prefix and another one: `cd` is
/// the candela, `T` the tesla.
const SYMBOLS: &[&str] = &[
    "m", "g", "s", "A", "K", "mol", "cd", "Hz", "N", "Pa", "J", "W", "C", "V", "F", "Ω", "S", "Wb",
    "T", "H", "lm", "lx", "Bq", "Gy", "Sv", "eV", "bar", "l", "L", "rad",
];

const PREFIXES: &[(&str, i32)] = &[
    ("Q", 30),
    ("R", 27),
    ("Y", 24),
    ("Z", 21),
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("h", 2),
    ("da", 1),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
    ("z", -21),
    ("y", -24),
    ("r", -27),
    ("q", -30),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_powers_of_ten() {
        for (given, wanted, power) in [
            ("nm", "nm", 0),
            ("um", "nm", 3),
            ("µm", "μm", 0),
            ("mV", "V", -3),
            ("V", "mV", 3),
            ("kg", "g", 3),
            ("kOhm", "Ω", 3),
            ("ohm", "\u{2126}", 0),
            ("ml", "L", -3),
            ("mbar", "bar", -3),
            ("hPa", "Pa", 2),
            ("dam", "m", 1),
            ("dm", "m", -1),
            ("keV", "MeV", -3),
            ("mmol", "mol", -3),
            ("mrad", "rad", -3),
            ("°C", "°C", 0),
            ("dBm", "dBm", 0),
            ("µm/s", "um/s", 0),
        ] {
            assert_eq!(
                power_between(given, wanted),
                Some(power),
                "{given} {wanted}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_prefix_is_none() {
        for (given, wanted) in [
            ("nm", "V"),
            ("min", "s"),
            ("cd", "d"),
            ("mol", "l"),
            ("m", ""),
            ("MHZ", "Hz"),
            ("dBm", "m"),
            ("m°C", "°C"),
            ("mdB", "dB"),
            ("T", "m"),
            ("Pa", "a"),
            ("mm/s", "m/s"),
            ("kkg", "g"),
            ("K", "°C"),
            ("k%", "%"),
        ] {
            assert_eq!(power_between(given, wanted), None, "{given} {wanted}");
        }
    }

    #[test]
    fn there_and_back_is_nothing() {
        for symbol in SYMBOLS {
            for (prefix, power) in PREFIXES {
                let unit = format!("{prefix}{symbol}");
                assert_eq!(power_between(&unit, symbol), Some(*power), "{unit}");
                assert_eq!(power_between(symbol, &unit), Some(-power), "{unit}");
            }
        }
    }
}
