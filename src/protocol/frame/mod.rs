//! WebSocket frames (RFC 6455): encodes the server's frames, and decodes a client's.

use bytes::Bytes;

use super::close::CloseReason;

mod decode;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, FrameLimits, Incoming, Violation};

/// Most payload bytes of a ping, pong or close (section 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// Most bytes of a server frame's head, which has no mask.
const MAX_HEAD_BYTES: usize = 10;

/// The opcode of a frame (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpCode {
    /// Continues the message that a text or binary frame began.
    Continuation = 0,
    /// Begins a message of UTF-8 text.
    Text = 1,
    /// Begins a message of bytes.
    Binary = 2,
    /// Closes the connection.
    Close = 8,
    /// Asks for a pong with the same payload.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl OpCode {
    /// Parses the four bits of a frame's head; `None` for the reserved opcodes.
    pub fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether the frame is a close, ping or pong.
    pub fn is_control(self) -> bool {
        self as u8 & 8 != 0
    }
}

/// The head of an unfragmented, unmasked message of `len` bytes, and the head's length.
pub fn header(op: OpCode, len: usize) -> ([u8; MAX_HEAD_BYTES], usize) {
    let mut head = [0; MAX_HEAD_BYTES];
    head[0] = 0x80 | op as u8;
    let size = match len {
        0..126 => {
            head[1] = len as u8;
            2
        }
        126..=0xFFFF => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..].copy_from_slice(&(len as u64).to_be_bytes());
            10
        }
    };
    (head, size)
}

/// Appends such a head; the caller appends the payload.
pub fn put_header(out: &mut Vec<u8>, op: OpCode, len: usize) {
    let (head, size) = header(op, len);
    out.extend_from_slice(&head[..size]);
}

fn frame(op: OpCode, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(MAX_HEAD_BYTES + payload.len());
    put_header(&mut out, op, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

/// A text message.
pub fn text(message: &str) -> Bytes {
    frame(OpCode::Text, message.as_bytes())
}

/// A binary message.
pub fn binary(message: &[u8]) -> Bytes {
    frame(OpCode::Binary, message)
}

/// A ping with the first [`MAX_CONTROL_BYTES`] of `payload`.
pub fn ping(payload: &[u8]) -> Bytes {
    frame(OpCode::Ping, &payload[..payload.len().min(MAX_CONTROL_BYTES)])
}

/// The answer to a ping with this `payload`.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(OpCode::Pong, &payload[..payload.len().min(MAX_CONTROL_BYTES)])
}

/// A close frame with as much of `reason` as fits. Without a code it is empty, like the one that it answers.
pub fn close(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else { return frame(OpCode::Close, &[]) };
    let fits = reason.floor_char_boundary(MAX_CONTROL_BYTES - 2);
    let mut payload = Vec::with_capacity(2 + fits);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..fits]);
    frame(OpCode::Close, &payload)
}

/// The close frame for a reason; `None` if the reason has no code.
pub fn close_for(reason: CloseReason) -> Option<Bytes> {
    reason.code().map(|code| close(Some(code), reason.text()))
}
