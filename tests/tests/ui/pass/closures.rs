use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use ipc_core::IntoFunction;

fn main() {
    let mut count = 0_usize;
    let counted = move |step: usize| {
        count += step;
        count
    };
    let _ = [
        counted.into_function("counted"),
        (|| Duration::from_secs(1)).into_function("uptime"),
        (|name: String| BTreeMap::from([(name, 1.5)])).into_function("limits"),
        (|names: Vec<String>| HashSet::<String>::from_iter(names)).into_function("names"),
        (|x: f64| Box::new(x)).into_function("boxed"),
        (|x: f64| Err::<isize, _>(x.to_string())).into_function("fails"),
    ];
}
