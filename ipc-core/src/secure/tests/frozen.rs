//! The construction does not change: `tests/vectors/lipc1.json` is what version 1 of the protocol means.

use serde_json::{Value, json};

use super::super::aead::{Aead, IMPLEMENTED, Key};
use super::super::cpace::{Bound, Share, intermediate_key, mac_key};
use super::super::keys::{Agreement, Message, channel_identifier};
use super::super::record::Sealer;
use super::super::{Entropy, Secret};
use super::{CIPHERS, entropy, handshake_with, outgoing, to_hex, unhex, vectors};
use crate::wire::preamble::{Cipher, Ciphers};

const FROZEN: &str = include_str!("../../../tests/vectors/lipc1.json");

/// `(name, ciphers of both ends, secret as given, service)`.
const CASES: [(&str, Ciphers, &str, &str); 3] = [
    (
        "a word and no service name",
        Ciphers::CHACHA20_POLY1305,
        "waktu",
        "",
    ),
    (
        "a decomposed accent and a service name of 131 bytes",
        Ciphers::CHACHA20_POLY1305,
        "cafe\u{301} \u{2126}",
        "powermeter/0123456789012345678901234567890123456789012345678901234567890123456789\
         01234567890123456789012345678901234567890123456789",
    ),
    ("AES-256-GCM", Ciphers::ALL, "waktu", ""),
];

#[test]
fn version_1_is_what_it_was() {
    let now: Vec<Value> = CASES.into_iter().filter(is_implemented).map(case).collect();
    let frozen = vectors(FROZEN);
    assert!(
        frozen.as_array().unwrap().starts_with(&now),
        "lipc1.json differs; this code gives\n{}",
        serde_json::to_string_pretty(&now).unwrap()
    );
}

/// The last case is left out where the only implementation does not have its cipher.
fn is_implemented((_, ciphers, ..): &(&str, Ciphers, &str, &str)) -> bool {
    ciphers.and(IMPLEMENTED) == *ciphers
}

fn case((name, ciphers, secret, service): (&str, Ciphers, &str, &str)) -> Value {
    let (mut client, mut server, [m1, m2, ta, tb]) = handshake_with(ciphers, secret, service, name);
    let mut agreed = CIPHERS.iter().filter(|(_, set)| *set == ciphers);
    let cipher = agreed.next().unwrap().0;
    let parts = Parts::new(secret, service, name, &m1, &m2);
    assert_eq!(parts.ta, to_hex(&ta));
    assert_eq!(client.exporter(), server.exporter());
    assert_eq!(parts.exporter, to_hex(client.exporter().unwrap()));
    assert_eq!(client.ticket(), server.ticket());

    let c2s: Vec<Value> = records(&mut client, cipher, &parts.k_c2s, &[b"*IDN?\n", &[0; 40]]);
    let all: Vec<u8> = (0..=255).collect();
    let s2c: Vec<Value> = records(
        &mut server,
        cipher,
        &parts.k_s2c,
        &[b"Powermeter 7\n", &all],
    );
    json!({
        "name": name,
        "secret": secret,
        "secret_nfc_utf8": to_hex(Secret::new(secret).unwrap().reveal().as_bytes()),
        "service": service,
        "ciphers": [m1[7], m2[7]],
        "client_nonce": to_hex(&m1[8..24]),
        "client_scalar_seed": to_hex(&entropy(&format!("client {name}"))[16..]),
        "server_nonce": to_hex(&m2[8..24]),
        "server_scalar_seed": to_hex(&entropy(&format!("server {name}"))[16..]),
        "ci": to_hex(&channel_identifier(service)),
        "m1": to_hex(&m1),
        "m2": to_hex(&m2),
        "k": parts.k,
        "isk": parts.isk,
        "mac_key": parts.mac_key,
        "ta": to_hex(&ta),
        "tb": to_hex(&tb),
        "k_c2s": parts.k_c2s,
        "k_s2c": parts.k_s2c,
        "exporter": parts.exporter,
        "ticket": to_hex(&client.ticket().unwrap().bytes()),
        "c2s": c2s,
        "s2c": s2c,
    })
}

/// Two data records and the close, as the channel sends them and as the key by itself seals them.
fn records(
    sender: &mut super::SecureChannel,
    cipher: Cipher,
    key: &str,
    data: &[&[u8]],
) -> Vec<Value> {
    assert_eq!(sender.cipher(), Some(cipher));
    let key = Key::new(cipher, &unhex(key).try_into().unwrap());
    let mut sealer = Sealer::new(key.unwrap());
    let mut listed = Vec::new();
    for data in data {
        sender.send(data).unwrap();
        let mut sealed = Vec::new();
        sealer.data([*data], data.len(), &mut sealed).unwrap();
        let record = outgoing(sender);
        assert_eq!(record, sealed);
        listed.push(json!({"type": 0, "data": to_hex(data), "record": to_hex(&record)}));
    }
    sender.close();
    listed.push(json!({"type": 1, "data": "", "record": to_hex(&outgoing(sender))}));
    listed
}

/// What is never on the wire.
struct Parts {
    k: String,
    isk: String,
    mac_key: String,
    ta: String,
    k_c2s: String,
    k_s2c: String,
    exporter: String,
}

impl Parts {
    fn new(secret: &str, service: &str, seed: &str, m1: &[u8], m2: &[u8]) -> Self {
        let prs = Secret::new(secret).unwrap();
        let drawn = Entropy::new(entropy(&format!("client {seed}")));
        let share = Share::new(prs.generator(service), &drawn.seed);
        let (a, b) = (
            Message::received(m1.try_into().unwrap()),
            Message::received(m2.try_into().unwrap()),
        );
        assert_eq!(share.public(), a.share());
        let k = share.agree(&b.share()).unwrap();
        let (share_a, share_b) = (a.share(), b.share());
        let isk = intermediate_key(
            b"",
            &k,
            Bound {
                share: &share_a,
                data: &m1[..24],
            },
            Bound {
                share: &share_b,
                data: &m2[..24],
            },
        );
        let agreement = Agreement::new(&k, a, b);
        let keys = agreement.keys();
        Self {
            k: to_hex(&k[..]),
            isk: to_hex(&isk[..]),
            mac_key: to_hex(&mac_key(b"", &isk)[..]),
            ta: to_hex(agreement.proof(crate::wire::preamble::Role::Client)),
            k_c2s: to_hex(&keys.c2s[..]),
            k_s2c: to_hex(&keys.s2c[..]),
            exporter: to_hex(&keys.exporter[..]),
        }
    }
}
