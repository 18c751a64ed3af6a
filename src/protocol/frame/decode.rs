//! Decodes a client's frames from the pieces that the socket delivers.

use bytes::Bytes;

use super::{MAX_CONTROL_BYTES, OpCode};
use crate::protocol::close::CloseReason;

/// Limits on what a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Most bytes of one frame's payload.
    pub max_frame_bytes: usize,
    /// Most bytes of a message over all its frames.
    pub max_message_bytes: usize,
}

/// A complete message or control frame of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping, which must be answered with a pong of the same payload.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame. What the client sends after it must be ignored (section 1.4).
    Close {
        /// The code, if the client sent one.
        code: Option<u16>,
        /// The reason, often empty.
        reason: String,
    },
}

/// The client violated RFC 6455 or a limit. The connection must be closed, and the decoder must not be fed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Violation {
    /// The reason to close with.
    pub close: CloseReason,
    /// The violation.
    pub what: &'static str,
}

fn broken(what: &'static str) -> Violation {
    Violation { close: CloseReason::Protocol, what }
}

/// A decoder of frames. Between messages it holds only a null pointer, and within a message at most about twice the
/// bytes received (never what a frame merely declares): thousands of connections are idle at any moment, and some are
/// hostile.
#[derive(Debug, Default)]
pub struct Decoder(Option<Box<Partial>>);

/// The state of an incomplete frame or message.
#[derive(Debug, Default)]
struct Partial {
    head: FrameHead,
    /// The frame whose payload is being received; its head is complete.
    frame: Option<Frame>,
    /// The payload of a control frame, which may arrive between the frames of a message.
    control: Vec<u8>,
    message: Option<PartialMessage>,
}

/// The bytes of a frame's head received so far.
#[derive(Debug, Default)]
struct FrameHead {
    bytes: [u8; 14],
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    op: OpCode,
    last: bool,
    mask: [u8; 4],
    len: usize,
    received: usize,
}

#[derive(Debug)]
struct PartialMessage {
    text: bool,
    bytes: Vec<u8>,
    /// The number of bytes known to be UTF-8, if the message is text.
    valid: usize,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is half received, so that the decoder holds no memory.
    pub fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes of memory held; for budgets.
    pub fn held_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |partial| {
            let message = partial.message.as_ref().map_or(0, |message| message.bytes.capacity());
            size_of::<Partial>() + partial.control.capacity() + message
        })
    }

    /// Takes bytes from the front of `data` until a message or control frame is complete. `None`: all bytes were taken.
    /// The caller repeats it until then.
    ///
    /// # Errors
    /// A violation is reported as soon as it is certain: a length before any byte of its payload is stored, bad UTF-8
    /// at its first bad byte.
    pub fn feed(&mut self, data: &mut &[u8], limits: &FrameLimits) -> Result<Option<Incoming>, Violation> {
        if data.is_empty() {
            return Ok(None);
        }
        // Kept on the stack during the call, so that a frame that arrives whole needs no allocation except for its
        // payload.
        let mut partial = self.0.take().map(|partial| *partial).unwrap_or_default();
        let incoming = partial.feed(data, limits)?;
        if partial.head.len > 0 || partial.message.is_some() {
            self.0 = Some(Box::new(partial));
        }
        Ok(incoming)
    }
}

impl Partial {
    fn feed(&mut self, data: &mut &[u8], limits: &FrameLimits) -> Result<Option<Incoming>, Violation> {
        loop {
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => match self.head.take(data, self.message.as_ref(), limits)? {
                    Some(frame) => self.begin(frame),
                    None => return Ok(None),
                },
            };
            self.payload(&mut frame, data)?;
            if frame.received < frame.len {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            self.head.len = 0;
            if let Some(incoming) = self.end(frame)? {
                return Ok(Some(incoming));
            }
        }
    }

    fn begin(&mut self, frame: Frame) -> Frame {
        if matches!(frame.op, OpCode::Text | OpCode::Binary) {
            self.message = Some(PartialMessage { text: frame.op == OpCode::Text, bytes: Vec::new(), valid: 0 });
        }
        frame
    }

    /// Takes the available part of the frame's payload.
    fn payload(&mut self, frame: &mut Frame, data: &mut &[u8]) -> Result<(), Violation> {
        let missing = frame.len - frame.received;
        let Some((taken, rest)) = data.split_at_checked(missing.min(data.len())) else { return Ok(()) };
        *data = rest;
        let message = self.message.as_mut().filter(|_| !frame.op.is_control());
        let bytes = match message {
            Some(message) => &mut message.bytes,
            None => &mut self.control,
        };
        if bytes.capacity() - bytes.len() < taken.len() {
            // Doubles the capacity, because a message in tiny fragments would otherwise be copied for each one; but
            // reserves no more than a last frame can bring.
            let most = if frame.last { missing } else { usize::MAX };
            bytes.reserve_exact(bytes.len().max(taken.len()).min(most));
        }
        let start = bytes.len();
        bytes.extend_from_slice(taken);
        unmask(&mut bytes[start..], frame.mask, frame.received);
        frame.received += taken.len();
        match self.message.as_mut().filter(|_| !frame.op.is_control()) {
            Some(message) => message.check(),
            None => Ok(()),
        }
    }

    /// Handles a complete frame.
    fn end(&mut self, frame: Frame) -> Result<Option<Incoming>, Violation> {
        match frame.op {
            OpCode::Ping => Ok(Some(Incoming::Ping(std::mem::take(&mut self.control).into()))),
            OpCode::Pong => Ok(Some(Incoming::Pong(std::mem::take(&mut self.control).into()))),
            OpCode::Close => close(&std::mem::take(&mut self.control)).map(Some),
            OpCode::Continuation | OpCode::Text | OpCode::Binary if frame.last => {
                self.message.take().map(PartialMessage::end).transpose()
            }
            OpCode::Continuation | OpCode::Text | OpCode::Binary => Ok(None),
        }
    }
}

impl FrameHead {
    /// Takes bytes until the head is complete. Each byte is checked when it arrives, and the length before the mask.
    fn take(
        &mut self,
        data: &mut &[u8],
        message: Option<&PartialMessage>,
        limits: &FrameLimits,
    ) -> Result<Option<Frame>, Violation> {
        while let Some((byte, rest)) = data.split_first() {
            *data = rest;
            self.bytes[self.len] = *byte;
            self.len += 1;
            let length_bytes = match self.bytes[1] & 0x7F {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            match self.len {
                1 => drop(self.op(message)?),
                2 => self.check_second(message)?,
                _ => {}
            }
            if self.len == 2 + length_bytes {
                self.payload_len(message, limits)?;
            }
            if self.len == 6 + length_bytes {
                let len = self.payload_len(message, limits)?;
                let mut mask = [0; 4];
                mask.copy_from_slice(&self.bytes[self.len - 4..self.len]);
                let (op, last) = (self.op(message)?, self.bytes[0] & 0x80 != 0);
                return Ok(Some(Frame { op, last, mask, len, received: 0 }));
            }
        }
        Ok(None)
    }

    fn op(&self, message: Option<&PartialMessage>) -> Result<OpCode, Violation> {
        let first = self.bytes[0];
        if first & 0x70 != 0 {
            return Err(broken("a reserved bit is set, but no extension was agreed"));
        }
        let op = OpCode::from_bits(first & 0x0F).ok_or(broken("a reserved opcode"))?;
        match (op, message.is_some()) {
            (OpCode::Continuation, false) => Err(broken("a continuation of nothing")),
            (OpCode::Text | OpCode::Binary, true) => Err(broken("a new message within another")),
            _ if op.is_control() && first & 0x80 == 0 => Err(broken("a control frame in fragments")),
            _ => Ok(op),
        }
    }

    fn check_second(&self, message: Option<&PartialMessage>) -> Result<(), Violation> {
        let second = self.bytes[1];
        if second & 0x80 == 0 {
            return Err(broken("a client's frame must be masked"));
        }
        if self.op(message)?.is_control() && usize::from(second & 0x7F) > MAX_CONTROL_BYTES {
            return Err(broken("a control frame longer than 125 bytes"));
        }
        Ok(())
    }

    /// The declared length, once all of its bytes have arrived.
    fn payload_len(&self, message: Option<&PartialMessage>, limits: &FrameLimits) -> Result<usize, Violation> {
        let [_, second, rest @ ..] = self.bytes;
        let (len, least) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes([rest[0], rest[1]])), 126),
            127 => {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&rest[..8]);
                (u64::from_be_bytes(bytes), 0x1_0000)
            }
            short => (u64::from(short), 0),
        };
        if len < least || len > i64::MAX as u64 {
            return Err(broken("a length that is not in its shortest form, or has its highest bit set"));
        }
        let large = |what| Violation { close: CloseReason::TooLarge, what };
        let len = usize::try_from(len).map_err(|_| large("a frame is too large"))?;
        if self.op(message)?.is_control() {
            return Ok(len);
        }
        if len > limits.max_frame_bytes {
            return Err(large("a frame is too large"));
        }
        if len > limits.max_message_bytes.saturating_sub(message.map_or(0, |message| message.bytes.len())) {
            return Err(large("a message is too large"));
        }
        Ok(len)
    }
}

impl PartialMessage {
    /// Validates the text received since the last call; it may end within a character.
    fn check(&mut self) -> Result<(), Violation> {
        if self.text {
            match simdutf8::compat::from_utf8(&self.bytes[self.valid..]) {
                Ok(_) => self.valid = self.bytes.len(),
                Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
                Err(_) => return Err(not_utf8("a text message is not UTF-8")),
            }
        }
        Ok(())
    }

    fn end(self) -> Result<Incoming, Violation> {
        if self.text {
            let text = String::from_utf8(self.bytes).map_err(|_| not_utf8("a text message ends within a character"))?;
            Ok(Incoming::Text(text))
        } else {
            Ok(Incoming::Binary(self.bytes.into()))
        }
    }
}

fn not_utf8(what: &'static str) -> Violation {
    Violation { close: CloseReason::InvalidText, what }
}

/// Parses a close frame's payload (section 5.5.1; the codes of section 7.4 and IANA's registry that may be sent).
fn close(payload: &[u8]) -> Result<Incoming, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(Incoming::Close { code: None, reason: String::new() })
        } else {
            Err(broken("a close frame with half a code"))
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(broken("a close code that may not be sent"));
    }
    let reason = str::from_utf8(reason).map_err(|_| not_utf8("a close reason is not UTF-8"))?;
    Ok(Incoming::Close { code: Some(code), reason: reason.to_owned() })
}

/// Unmasks bytes that begin `offset` bytes into their frame (section 5.3).
fn unmask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset % 4);
    let [a, b, c, d] = mask;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Some(chunk) = chunk.first_chunk_mut::<8>() {
            *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}
