//! The ciphers of the records: ChaCha20-Poly1305 (RFC 8439) and AES-256-GCM (NIST SP 800-38D). The only file that names an
//! implementation.
//!
//! There are two implementations: `ring` (assembly, both ciphers) and `chacha20poly1305` (portable Rust, the first cipher
//! alone), which produce the same bytes. The cargo features of the same names select one. If both are enabled, `ring` is
//! used: enabling a feature anywhere in a dependency tree then never replaces the faster implementation.

use crate::wire::preamble::{Cipher, Ciphers};

#[cfg(not(any(feature = "ring", feature = "chacha20poly1305")))]
compile_error!(
    "ipc-core needs an implementation of ChaCha20-Poly1305: enable its feature `ring` or `chacha20poly1305`"
);

#[cfg(all(feature = "chacha20poly1305", not(feature = "ring")))]
pub(super) use portable::Portable as Key;
#[cfg(feature = "ring")]
pub(super) use with_ring::Ring as Key;

#[cfg(test)]
pub(super) use {portable::Portable, with_ring::Ring};

/// The length of a tag in bytes.
pub(super) const TAG: usize = 16;

/// Returns the ciphers that this end has.
///
/// AES-256-GCM is among them only if the processor has instructions for it: without them, it would be slower than
/// ChaCha20-Poly1305.
pub(super) fn ciphers() -> Ciphers {
    match has_instructions_for_aes() {
        true => IMPLEMENTED,
        false => Ciphers::CHACHA20_POLY1305,
    }
}

/// The ciphers of the implementation that is used.
pub(super) const IMPLEMENTED: Ciphers = match cfg!(feature = "ring") {
    true => Ciphers::ALL,
    false => Ciphers::CHACHA20_POLY1305,
};

fn has_instructions_for_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

/// A cipher and its key of 32 bytes. Wiped when dropped.
pub(super) trait Aead: Sized {
    /// Returns `None` if this implementation does not have the cipher.
    fn new(cipher: Cipher, key: &[u8; 32]) -> Option<Self>;

    /// Encrypts `text` in place and returns its tag. Returns `None` if the text is too long; it is then *not*
    /// encrypted. A nonce must never be used twice under one key.
    fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]>;

    /// Decrypts what `text` holds from `start` on, to the beginning of `text`. Returns false if the tag does not match; the
    /// content of `text` is then unspecified.
    fn open(
        &self,
        nonce: [u8; 12],
        ad: &[u8],
        text: &mut [u8],
        start: usize,
        tag: &[u8; TAG],
    ) -> bool;
}

#[cfg(any(feature = "ring", test))]
mod with_ring {
    use ring::aead::{
        AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
    };

    use super::{Aead, Cipher, TAG};

    pub(in super::super) struct Ring(LessSafeKey);

    fn key(algorithm: &'static Algorithm, key: &[u8; 32]) -> Option<LessSafeKey> {
        let key = UnboundKey::new(algorithm, key);
        key.ok().map(LessSafeKey::new)
    }

    impl Aead for Ring {
        fn new(cipher: Cipher, bytes: &[u8; 32]) -> Option<Self> {
            let algorithm = match cipher {
                Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
                Cipher::Aes256Gcm => &AES_256_GCM,
            };
            key(algorithm, bytes).map(Self)
        }

        fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let sealed = self
                .0
                .seal_in_place_separate_tag(nonce, Aad::from(ad), text);
            sealed.ok()?.as_ref().try_into().ok()
        }

        fn open(
            &self,
            nonce: [u8; 12],
            ad: &[u8],
            text: &mut [u8],
            start: usize,
            tag: &[u8; TAG],
        ) -> bool {
            let nonce = Nonce::assume_unique_for_key(nonce);
            self.0
                .open_in_place_separate_tag(nonce, Aad::from(ad), (*tag).into(), text, start..)
                .is_ok()
        }
    }

    impl Drop for Ring {
        fn drop(&mut self) {
            // ring does not wipe its keys, so this overwrites the key with another of the same cipher, which has the same
            // layout. `black_box` keeps the compiler from optimising the write away.
            if let Some(zeros) = key(self.0.algorithm(), &[0; 32]) {
                self.0 = zeros;
            }
            std::hint::black_box(&self.0);
        }
    }
}

#[cfg(any(all(feature = "chacha20poly1305", not(feature = "ring")), test))]
mod portable {
    use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};

    use super::{Aead, Cipher, TAG};

    /// Wiped when dropped: the crate's feature `zeroize` is enabled.
    pub(in super::super) struct Portable(ChaCha20Poly1305);

    impl Aead for Portable {
        fn new(cipher: Cipher, key: &[u8; 32]) -> Option<Self> {
            let has_cipher = cipher == Cipher::ChaCha20Poly1305;
            has_cipher.then(|| Self(ChaCha20Poly1305::new(key.into())))
        }

        fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
            let tag = self
                .0
                .encrypt_inout_detached(&nonce.into(), ad, text.into())
                .ok()?;
            Some(tag.into())
        }

        fn open(
            &self,
            nonce: [u8; 12],
            ad: &[u8],
            text: &mut [u8],
            start: usize,
            tag: &[u8; TAG],
        ) -> bool {
            let Some(len) = text.len().checked_sub(start) else {
                return false;
            };
            text.copy_within(start.., 0);
            let text = text.get_mut(..len).unwrap_or_default();
            self.0
                .decrypt_inout_detached(&nonce.into(), ad, text.into(), tag.into())
                .is_ok()
        }
    }
}
