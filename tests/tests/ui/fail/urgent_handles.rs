use ipc_core::remote;

struct Two;

#[remote]
impl Two {
    #[remote(handle)]
    pub fn one(&self) -> u8 {
        1
    }

    #[remote(handle)]
    pub fn other(&self) -> u8 {
        2
    }

    #[remote(urgent)]
    pub fn stop(_handle: &u8) {}
}

struct Changes;

#[remote]
impl Changes {
    #[remote(handle)]
    pub fn handle(&mut self, which: u8) -> u8 {
        which
    }

    #[remote(urgent)]
    pub fn stop(_handle: &u8) {}
}

struct Alone;

#[remote]
impl Alone {
    #[remote(handle)]
    pub async fn handle() {}

    #[remote(urgent)]
    pub fn stop(_handle: &u8) {}
}

struct Conditional;

#[remote]
impl Conditional {
    #[remote(handle, idempotent)]
    #[cfg(unix)]
    pub fn handle<T>(&self) -> u8 {
        1
    }

    #[remote(urgent)]
    pub fn stop(_handle: &u8) {}
}

fn main() {}
