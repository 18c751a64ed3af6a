//! A command and its arguments.

use std::fmt;

use redis_async::resp::RespValue;

/// About what an argument costs on the wire and in memory beside its bytes.
const PER_ARGUMENT: usize = 32;

/// A command and its arguments: an array of bulk strings on the wire. `Debug` shows its name and size only.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisCommand {
    /// The name, then the arguments.
    strings: Vec<RespValue>,
    size: usize,
}

impl RedisCommand {
    /// A command by its name, such as `EVALSHA`. The second word of a name with two words is passed as an argument.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self { strings: Vec::new(), size: 0 }.arg(name)
    }

    /// Adds an argument of any bytes.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        let argument = argument.as_ref();
        self.size += argument.len() + PER_ARGUMENT;
        self.strings.push(argument.into());
        self
    }

    /// Adds arguments in order.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Adds a number in decimal.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    /// About how many bytes the command holds. The pipeline's bound counts them.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl From<RedisCommand> for RespValue {
    fn from(command: RedisCommand) -> Self {
        Self::Array(command.strings)
    }
}

impl fmt::Debug for RedisCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments are not shown: they may be secrets (AUTH) or long.
        let name = match self.strings.first() {
            Some(RespValue::BulkString(name)) => String::from_utf8_lossy(name),
            _ => "".into(),
        };
        write!(f, "Command({name} with {} arguments, {} bytes)", self.strings.len() - 1, self.size)
    }
}

#[cfg(test)]
mod tests {
    use redis_async::resp_array;

    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let command = RedisCommand::new("XADD").arg(b"\r\n\0\xff").args(["a", ""]).number(u64::MAX);
        assert_eq!(command.size(), 4 + 4 + 1 + 20 + 5 * PER_ARGUMENT);
        let expected: RespValue = resp_array!["XADD", &b"\r\n\0\xff"[..], "a", "", u64::MAX.to_string()];
        assert_eq!(RespValue::from(command), expected);
    }

    #[test]
    fn a_command_does_not_show_its_arguments() {
        let command = RedisCommand::new("AUTH").arg("ann").arg("hunter2");
        let shown = format!("{command:?}");
        assert!(shown.contains("AUTH") && shown.contains("2 arguments"), "{shown}");
        assert!(!shown.contains("ann") && !shown.contains("hunter2"), "{shown}");
    }
}
