//! The SHA-256 of bytes that come piece by piece.

use std::io::{self, Read};

use aws_lc_rs::digest;

use crate::protocol::Sha256;

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// Computes the SHA-256 of the bytes that it is given.
#[derive(Clone)]
pub struct Digesting(digest::Context);

impl Default for Digesting {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Digesting {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes all that can be read, handing on each piece; the number of bytes. It blocks its thread.
    ///
    /// # Errors
    /// Reading fails, or `hand_on` does.
    pub fn read(
        &mut self,
        source: &mut impl Read,
        mut hand_on: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let (mut size, mut piece) = (0, vec![0; PIECE]);
        loop {
            match source.read(&mut piece) {
                Ok(0) => return Ok(size),
                Ok(count) => {
                    size += count as u64;
                    self.take(&piece[..count]);
                    hand_on(&piece[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The digest of all bytes taken.
    pub fn sha256(self) -> Sha256 {
        let digest = self.0.finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Sha256(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard_however_the_pieces_fall() {
        // FIPS 180-4, example "abc".
        let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for pieces in [vec!["abc"], vec!["a", "", "bc"]] {
            let mut digesting = Digesting::default();
            pieces.iter().for_each(|piece| digesting.take(piece.as_bytes()));
            assert_eq!(digesting.sha256().to_string(), wanted);
        }
    }
}
