use ipc_core::remote;

#[remote]
pub fn read<T>(value: T) -> T {
    value
}

#[remote(get)]
pub fn name() -> &'static str {
    "meter"
}

fn main() {}
