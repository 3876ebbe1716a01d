//! CPACE-RISTR255-SHA512 as in draft-irtf-cfrg-cpace-21, initiator-responder order, byte for byte.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

const DSI: &[u8] = b"CPaceRistretto255";
const DSI_ISK: &[u8] = b"CPaceRistretto255_ISK";
const DSI_MAC: &[u8] = b"CPaceMac";

/// Block size of SHA-512 in bytes. The password is padded to fill the first block.
const BLOCK: usize = 128;

/// A secret of `N` bytes, wiped when dropped. It is boxed because moving it by value would leave copies behind.
pub(super) type SecretBytes<const N: usize> = Box<Zeroizing<[u8; N]>>;

/// `N` zero bytes, to be filled with a secret in place.
pub(super) fn zeroed<const N: usize>() -> SecretBytes<N> {
    Box::new(Zeroizing::new([0; N]))
}

/// The point that a password, a channel identifier and a session id are mapped to. Wiped when dropped.
#[derive(Clone)]
pub(super) struct Generator(pub(super) RistrettoPoint);

impl Drop for Generator {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// One end's secret scalar and the generator derived from the password. Wiped when dropped.
pub(super) struct Share {
    generator: Generator,
    scalar: Scalar,
}

impl Share {
    /// `seed` must be uniformly random.
    pub(super) fn new(generator: Generator, seed: &[u8; 64]) -> Self {
        Self {
            generator,
            scalar: Scalar::from_bytes_mod_order_wide(seed),
        }
    }

    /// The public share, which is sent to the peer.
    pub(super) fn public(&self) -> [u8; 32] {
        (self.generator.0 * self.scalar).compress().to_bytes()
    }

    /// Computes the shared point K. `None` if the peer's share is not a canonical encoding or K is the identity.
    pub(super) fn agree(&self, theirs: &[u8; 32]) -> Option<SecretBytes<32>> {
        multiply_checked(&self.scalar, theirs)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.scalar.zeroize();
    }
}

/// A share and the associated data that its sender binds to it.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) share: &'a [u8],
    pub(super) data: &'a [u8],
}

impl Bound<'_> {
    /// The input of the HMAC by which the sender of this share confirms that it knows the key.
    pub(super) fn confirmation(self) -> Vec<u8> {
        let mut text = Vec::new();
        prefixed(&mut text, self.share);
        prefixed(&mut text, self.data);
        text
    }
}

/// Derives the intermediate session key (ISK). `a` is the initiator's half of the transcript, `b` the responder's.
pub(super) fn intermediate_key(
    sid: &[u8],
    k: &[u8; 32],
    a: Bound<'_>,
    b: Bound<'_>,
) -> SecretBytes<64> {
    let mut text = Zeroizing::new(Vec::with_capacity(
        512 + sid.len() + a.data.len() + b.data.len(),
    ));
    for part in [DSI_ISK, sid, k, a.share, a.data, b.share, b.data] {
        prefixed(&mut text, part);
    }
    hash(&[&text])
}

/// Derives the key of the explicit confirmation tags.
pub(super) fn mac_key(sid: &[u8], isk: &[u8; 64]) -> SecretBytes<64> {
    hash(&[DSI_MAC, sid, isk])
}

/// Appends the length of `bytes` in unsigned LEB128, then `bytes`.
pub(super) fn prefixed(text: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        text.push(low_byte(length) | 0x80);
        length >>= 7;
    }
    text.push(low_byte(length));
    text.extend_from_slice(bytes);
}

fn low_byte(number: usize) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

pub(super) fn generator(prs: &[u8], ci: &[u8], sid: &[u8]) -> Generator {
    // Reserved up front: growing would leave a copy of the password behind.
    let mut text = Zeroizing::new(Vec::with_capacity(
        BLOCK + 64 + prs.len() + ci.len() + sid.len(),
    ));
    prefixed(&mut text, DSI);
    prefixed(&mut text, prs);
    let padding = [0; BLOCK];
    let room = BLOCK.saturating_sub(text.len() + 1);
    prefixed(&mut text, padding.get(..room).unwrap_or_default());
    prefixed(&mut text, ci);
    prefixed(&mut text, sid);
    Generator(RistrettoPoint::from_uniform_bytes(&hash(&[&text])))
}

fn hash(parts: &[&[u8]]) -> SecretBytes<64> {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    let mut output = zeroed();
    let place: &mut [u8; 64] = &mut output;
    hash.finalize_into(place.into());
    output
}

fn multiply_checked(scalar: &Scalar, point: &[u8; 32]) -> Option<SecretBytes<32>> {
    let mut shared = CompressedRistretto(*point).decompress()? * scalar;
    let mut compressed = shared.compress();
    let mut k = zeroed();
    k.copy_from_slice(compressed.as_bytes());
    compressed.zeroize();
    let usable = !shared.is_identity();
    shared.zeroize();
    usable.then_some(k)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hex, vectors};
    use super::*;

    const OFFICIAL: &str = include_str!("../../tests/vectors/cpace.json");

    fn share(v: &serde_json::Value, scalar: &str) -> Share {
        let scalar: [u8; 32] = hex(&v[scalar]).try_into().unwrap();
        Share {
            generator: generator(&hex(&v["PRS"]), &hex(&v["CI"]), &hex(&v["sid"])),
            scalar: Scalar::from_canonical_bytes(scalar).unwrap(),
        }
    }

    #[test]
    fn the_published_exchange_is_reproduced() {
        let v = &vectors(OFFICIAL)["G_Coffee25519"];
        let (a, b) = (share(v, "ya"), share(v, "yb"));
        assert_eq!(a.generator.0.compress().to_bytes()[..], hex(&v["g"])[..]);
        assert_eq!(a.public()[..], hex(&v["Ya"])[..]);
        assert_eq!(b.public()[..], hex(&v["Yb"])[..]);
        let k = a.agree(&b.public()).unwrap();
        assert_eq!(k, b.agree(&a.public()).unwrap());
        assert_eq!(k[..], hex(&v["K"])[..]);

        let (share_a, share_b) = (a.public(), b.public());
        let (data_a, data_b) = (hex(&v["ADa"]), hex(&v["ADb"]));
        let isk = intermediate_key(
            &hex(&v["sid"]),
            &k,
            Bound {
                share: &share_a,
                data: &data_a,
            },
            Bound {
                share: &share_b,
                data: &data_b,
            },
        );
        assert_eq!(isk[..], hex(&v["ISK_IR"])[..]);
    }

    #[test]
    fn the_published_points_are_multiplied_or_refused() {
        let v = &vectors(OFFICIAL)["G_Coffee25519_points"];
        let valid = &v["Valid"];
        let point = |name: &serde_json::Value| -> [u8; 32] { hex(name).try_into().unwrap() };
        let scalar = Scalar::from_canonical_bytes(point(&valid["s"])).unwrap();
        let product = multiply_checked(&scalar, &point(&valid["X"])).unwrap();
        assert_eq!(product[..], hex(&valid["G.scalar_mult_vfy(s,X)"])[..]);
        assert_eq!(multiply_checked(&scalar, &point(&v["Invalid Y1"])), None);
        assert_eq!(multiply_checked(&scalar, &point(&v["Invalid Y2"])), None);
    }

    #[test]
    fn lengths_of_128_and_more_take_more_bytes() {
        for (length, prefix) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[128, 1]),
            (16_384, &[128, 128, 1]),
        ] {
            let mut text = Vec::new();
            prefixed(&mut text, &vec![7; length]);
            assert_eq!(text[..prefix.len()], *prefix);
            assert_eq!(text.len(), prefix.len() + length);
        }
    }

    #[test]
    fn a_password_longer_than_a_block_needs_no_padding() {
        let long = [b'x'; 300];
        let seed = [9; 64];
        let one = Share::new(generator(&long, b"", b""), &seed).public();
        let other = Share::new(generator(&long[1..], b"", b""), &seed).public();
        assert_ne!(one, other);
    }
}
