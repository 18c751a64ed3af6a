//! Reads a secret: from the terminal without showing it, else from stdin. A secret is never an argument, which every
//! process of the machine may read.

use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// Most bytes of a secret; a whole command may have 16 KiB.
const MOST: usize = 15 * 1024;

/// Keys as a terminal sends them.
const END_OF_TEXT: u8 = 0x03; // Ctrl-C
const END_OF_INPUT: u8 = 0x04; // Ctrl-D
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const CLEAR: u8 = 0x15; // Ctrl-U

/// Reads the secret that `prompt` names.
///
/// # Errors
/// Nothing was entered, it is no UTF-8 or too long, or the input can't be read.
pub(super) fn read_secret(prompt: &str) -> io::Result<String> {
    let stdin = io::stdin();
    let bytes = if stdin.is_terminal() {
        let mut err = io::stderr();
        let typed = {
            // Before the prompt: what is typed as soon as it shows must not be seen either.
            let _silent = Silence::begin(&stdin)?;
            write!(err, "{prompt} (not shown): ")?;
            err.flush()?;
            typed(&mut stdin.lock())
        };
        writeln!(err)?;
        typed?
    } else {
        piped(&mut stdin.lock())?
    };
    if bytes.is_empty() {
        return Err(refuse("no secret was entered; nothing was sent"));
    }
    String::from_utf8(bytes).map_err(|_| refuse("the secret is no UTF-8; nothing was sent"))
}

fn refuse(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Everything to the end of the input, without the newline that `echo` puts there.
fn piped(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MOST as u64 + 2).read_to_end(&mut bytes)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        bytes.pop_if(|byte| *byte == b'\r');
    }
    if bytes.len() > MOST { Err(too_long()) } else { Ok(bytes) }
}

/// A line as it is typed; the keys that edit and end it are taken here, because the terminal hands on every key.
fn typed(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut bytes, mut key) = (Vec::new(), [0]);
    loop {
        if input.read(&mut key)? == 0 {
            return Ok(bytes);
        }
        match key[0] {
            b'\r' | b'\n' => return Ok(bytes),
            END_OF_TEXT => return Err(io::Error::new(io::ErrorKind::Interrupted, "given up; nothing was sent")),
            END_OF_INPUT => return Ok(bytes),
            CLEAR => bytes.clear(),
            key if BACKSPACE.contains(&key) => {
                // A whole character: its continuation bytes, and the byte that begins it.
                while bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            _ if bytes.len() == MOST => return Err(too_long()),
            key => bytes.push(key),
        }
    }
}

fn too_long() -> io::Error {
    refuse("the secret is longer than 15 KiB; nothing was sent")
}

/// A terminal that shows no key and interprets none, until this is dropped: an interrupt by Ctrl-C could not put the
/// terminal back, so it is read as a key.
struct Silence<'a, F: AsFd> {
    terminal: &'a F,
    before: Termios,
}

impl<'a, F: AsFd> Silence<'a, F> {
    fn begin(terminal: &'a F) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        // A read returns with the first key.
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl<F: AsFd> Drop for Silence<'_, F> {
    fn drop(&mut self) {
        // There is nothing else to be done about a terminal that is gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_keys(keys: &[u8]) -> io::Result<String> {
        typed(&mut &*keys).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_line_that_is_typed_can_be_mended_and_given_up() {
        assert_eq!(type_keys(b"secret\rmore").unwrap(), "secret");
        assert_eq!(type_keys("wron\u{7f}\u{8}öü\u{7f}ng\n".as_bytes()).unwrap(), "wröng");
        assert_eq!(type_keys(b"\x7f\x7fwrong\x15right\x04").unwrap(), "right");
        assert_eq!(type_keys(b"half\x03").unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(type_keys(&vec![b'x'; MOST + 1]).is_err());
    }

    #[test]
    fn what_comes_through_a_pipe_loses_one_newline_at_its_end() {
        let piped = |text: &str| piped(&mut text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(piped("a secret\n").unwrap(), "a secret");
        assert_eq!(piped("two\nlines\r\n").unwrap(), "two\nlines");
        assert_eq!(piped("none").unwrap(), "none");
        assert!(piped(&"x".repeat(MOST + 1)).is_err());
    }
}
