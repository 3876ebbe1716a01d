//! ChaCha20-Poly1305 (RFC 8439). The only file that names an implementation.
//!
//! There are two implementations, `ring` (assembly) and `chacha20poly1305` (portable Rust), which produce the same
//! bytes. The cargo features of the same names select one. If both are enabled, `ring` is used: enabling a feature
//! anywhere in a dependency tree then never replaces the faster implementation.

#[cfg(not(any(feature = "ring", feature = "chacha20poly1305")))]
compile_error!(
    "ipc-core needs an implementation of ChaCha20-Poly1305: enable its feature `ring` or `chacha20poly1305`"
);

#[cfg(all(feature = "chacha20poly1305", not(feature = "ring")))]
pub(super) use portable::Portable as Cipher;
#[cfg(feature = "ring")]
pub(super) use with_ring::Ring as Cipher;

#[cfg(test)]
pub(super) use {portable::Portable, with_ring::Ring};

/// The length of a tag in bytes.
pub(super) const TAG: usize = 16;

/// A key of 32 bytes. Wiped when dropped.
pub(super) trait Aead: Sized {
    fn new(key: &[u8; 32]) -> Self;

    /// Encrypts `text` in place and returns its tag. Returns `None` if the text is too long; it is then *not*
    /// encrypted. A nonce must never be used twice under one key.
    fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]>;

    /// Decrypts `text` in place. Returns false if the tag does not match; the content of `text` is then unspecified.
    fn open(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> bool;
}

#[cfg(any(feature = "ring", test))]
mod with_ring {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    use super::{Aead, TAG};

    /// Never `None`: ring only refuses keys of the wrong length.
    pub(in super::super) struct Ring(Option<LessSafeKey>);

    impl Aead for Ring {
        fn new(key: &[u8; 32]) -> Self {
            let key = UnboundKey::new(&CHACHA20_POLY1305, key);
            Self(key.ok().map(LessSafeKey::new))
        }

        fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = self
                .0
                .as_ref()?
                .seal_in_place_separate_tag(nonce, Aad::from(ad), text)
                .ok()?;
            tag.as_ref().try_into().ok()
        }

        fn open(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> bool {
            let nonce = Nonce::assume_unique_for_key(nonce);
            self.0.as_ref().is_some_and(|key| {
                key.open_in_place_separate_tag(nonce, Aad::from(ad), (*tag).into(), text, 0..)
                    .is_ok()
            })
        }
    }

    impl Drop for Ring {
        fn drop(&mut self) {
            // ring does not wipe its keys, so this overwrites the key with another. `black_box` keeps the compiler from
            // optimising the write away.
            self.0 = UnboundKey::new(&CHACHA20_POLY1305, &[0; 32])
                .ok()
                .map(LessSafeKey::new);
            std::hint::black_box(&self.0);
        }
    }
}

#[cfg(any(all(feature = "chacha20poly1305", not(feature = "ring")), test))]
mod portable {
    use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};

    use super::{Aead, TAG};

    /// Wiped when dropped: the crate's feature `zeroize` is enabled.
    pub(in super::super) struct Portable(ChaCha20Poly1305);

    impl Aead for Portable {
        fn new(key: &[u8; 32]) -> Self {
            Self(ChaCha20Poly1305::new(key.into()))
        }

        fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
            let tag = self
                .0
                .encrypt_inout_detached(&nonce.into(), ad, text.into())
                .ok()?;
            Some(tag.into())
        }

        fn open(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> bool {
            self.0
                .decrypt_inout_detached(&nonce.into(), ad, text.into(), tag.into())
                .is_ok()
        }
    }
}
