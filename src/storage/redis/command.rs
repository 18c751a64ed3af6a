//! A command, encoded as it is built: by its caller's thread, not by the one task that all callers share.

use std::fmt;
use std::io::Write as _;

use bytes::BytesMut;

/// A command and its arguments: an array of bulk strings on the wire. `Debug` shows its name and size only.
#[derive(Clone)]
pub struct Command {
    arguments: usize,
    /// Every argument as a bulk string, the name first.
    encoded: Vec<u8>,
}

impl Command {
    /// A command by its name, such as `EVALSHA`. A name of two words is a name and an argument.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self { arguments: 0, encoded: Vec::new() }.arg(name)
    }

    /// Adds an argument, any bytes.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        let argument = argument.as_ref();
        self.encoded.reserve(argument.len() + 16);
        self.encoded.push(b'$');
        push_number(&mut self.encoded, argument.len());
        self.encoded.extend_from_slice(argument);
        self.encoded.extend_from_slice(b"\r\n");
        self.arguments += 1;
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Adds a number, in decimal.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    /// Bytes on the wire, within a few.
    pub fn size(&self) -> usize {
        self.encoded.len()
    }

    /// Appends what goes over the wire.
    pub(super) fn write_to(&self, buffer: &mut BytesMut) {
        let mut header = Vec::with_capacity(16);
        header.push(b'*');
        push_number(&mut header, self.arguments);
        buffer.reserve(header.len() + self.encoded.len());
        buffer.extend_from_slice(&header);
        buffer.extend_from_slice(&self.encoded);
    }

    fn name(&self) -> String {
        let line = self.encoded.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    }
}

fn push_number(buffer: &mut Vec<u8>, number: usize) {
    // Writing to a Vec can't fail.
    let _ = write!(buffer, "{number}\r\n");
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments may be secrets (AUTH), and are long.
        write!(f, "Command({} with {} arguments, {} bytes)", self.name(), self.arguments - 1, self.size())
    }
}

#[cfg(test)]
mod tests {
    use redis_async::resp::{RespCodec, RespValue};
    use redis_async::resp_array;
    use tokio_util::codec::Encoder as _;

    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let command = Command::new("XADD").arg(b"\r\n\0\xff").args(["a", ""]).number(u64::MAX);
        let mut wire = BytesMut::new();
        command.write_to(&mut wire);
        let mut expected = BytesMut::new();
        let value: RespValue = resp_array!["XADD", &b"\r\n\0\xff"[..], "a", "", u64::MAX.to_string()];
        RespCodec.encode(value, &mut expected).unwrap();
        assert_eq!(wire, expected);
        assert!(command.size() <= wire.len() && wire.len() - command.size() < 16);
    }

    #[test]
    fn a_command_does_not_show_its_arguments() {
        let command = Command::new("AUTH").arg("ann").arg("hunter2");
        assert_eq!(format!("{command:?}"), "Command(AUTH with 2 arguments, 32 bytes)");
    }
}
