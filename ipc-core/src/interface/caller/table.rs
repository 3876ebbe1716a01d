//! The methods of a proxy under their names on the wire.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use super::outgoing::head;
use crate::interface::describe::{Interface, Method};
use crate::wire::ctrl::CtrlMsg;

/// The interface of a type of proxies, with the fingerprints of its methods.
pub(super) struct KnownInterface {
    pub(super) interface: Interface,
    fingerprints: Vec<u64>,
    /// Its methods as proxies without a prefix name them.
    unprefixed: NamedMethods,
}

/// The methods of an interface that have been called, under their names on the wire.
type NamedMethods = Arc<[OnceLock<NamedMethod>]>;

/// The interfaces whose proxies have been made. Describing one takes longer than a call, and a program may make a proxy
/// for each connection.
static KNOWN: LazyLock<Mutex<KnownInterfaces>> = LazyLock::new(Mutex::default);

/// By the functions that describe them.
type KnownInterfaces = HashMap<fn() -> Interface, Arc<KnownInterface>>;

impl KnownInterface {
    /// Returns the interface that `describe` returns, which must be the same each time.
    pub(super) fn of(describe: fn() -> Interface) -> Arc<Self> {
        let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&describe) {
            return Arc::clone(known);
        }
        // Without the lock: types of the user describe themselves here.
        let interface = describe();
        let known = Arc::new(Self::new(interface));
        Arc::clone(lock().entry(describe).or_insert(known))
    }

    fn new(interface: Interface) -> Self {
        Self {
            fingerprints: interface.methods.iter().map(Method::fingerprint).collect(),
            unprefixed: unnamed(&interface),
            interface,
        }
    }
}

fn unnamed(interface: &Interface) -> NamedMethods {
    interface.methods.iter().map(|_| OnceLock::new()).collect()
}

/// The methods of one interface under their names on the wire.
pub(super) struct MethodTable {
    known: Arc<KnownInterface>,
    /// The name of the device, if the proxy was made by name.
    pub(super) device: Option<String>,
    pub(super) prefix: String,
    named: NamedMethods,
}

/// A method under its name on the wire.
pub(super) struct NamedMethod {
    pub(super) name: String,
    pub(super) idempotent: bool,
    pub(super) urgent: bool,
    pub(super) fingerprint: u64,
    /// What every call of this method begins with.
    pub(super) head: Vec<u8>,
}

impl MethodTable {
    pub(super) fn new(device: Option<String>, prefix: &str, known: Arc<KnownInterface>) -> Self {
        Self {
            named: match prefix {
                "" => Arc::clone(&known.unprefixed),
                _ => unnamed(&known.interface),
            },
            known,
            device,
            prefix: prefix.to_string(),
        }
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.known.interface
    }

    /// Returns what is known of method number `index`.
    pub(super) fn description(&self, index: usize) -> Option<&Method> {
        self.interface().methods.get(index)
    }

    /// Returns method number `index`.
    #[inline]
    pub(super) fn method(&self, index: usize) -> Option<&NamedMethod> {
        let named = self.named.get(index)?;
        named.get().or_else(|| self.name(index, named))
    }

    #[cold]
    fn name<'a>(&self, index: usize, named: &'a OnceLock<NamedMethod>) -> Option<&'a NamedMethod> {
        let method = self.description(index)?;
        let fingerprint = *self.known.fingerprints.get(index)?;
        Some(named.get_or_init(|| {
            let name = method.wire_name(&self.prefix);
            NamedMethod {
                head: head(CtrlMsg::Call, &name, fingerprint),
                name,
                idempotent: method.idempotent,
                urgent: method.urgent,
                fingerprint,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static DESCRIBED: AtomicUsize = AtomicUsize::new(0);

    fn describe() -> Interface {
        DESCRIBED.fetch_add(1, Ordering::Relaxed);
        Interface {
            methods: vec![Method::default()],
            ..Interface::default()
        }
    }

    #[test]
    fn an_interface_is_described_once_for_all_its_proxies() {
        let first = KnownInterface::of(describe);
        let second = KnownInterface::of(describe);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(DESCRIBED.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_method_has_the_name_and_the_fingerprint_of_its_description() {
        let interface = Interface {
            methods: vec![Method {
                name: "read".into(),
                idempotent: true,
                ..Method::default()
            }],
            ..Interface::default()
        };
        let known = Arc::new(KnownInterface {
            fingerprints: vec![7],
            ..KnownInterface::new(interface)
        });
        let table = MethodTable::new(None, "pump_", known);
        for _ in 0..2 {
            let method = table.method(0).unwrap();
            assert_eq!((&*method.name, method.fingerprint), ("pump_read", 7));
            assert!(method.idempotent);
            assert_eq!(method.head, head(CtrlMsg::Call, "pump_read", 7));
        }
        assert!(table.method(1).is_none());
        let table = MethodTable::new(None, "", table.known);
        assert_eq!(table.method(0).unwrap().name, "read");
    }
}
