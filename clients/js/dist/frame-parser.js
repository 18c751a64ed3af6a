/** The server broke RFC 6455; `closeCode` is what to close with. */
export class ProtocolError extends Error {
    closeCode;
    name = 'ProtocolError';
    constructor(closeCode, message) {
        super(message);
        this.closeCode = closeCode;
    }
}
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;
const MAX_CONTROL_BYTES = 125;
/** Parses what a WebSocket server sends (RFC 6455, section 5), however it is cut into chunks. */
export class FrameParser {
    sink;
    maxMessageBytes;
    /** What has not been parsed yet: `#pending[0..#length]`. */
    #pending = new Uint8Array(0);
    #length = 0;
    /** The parts of a fragmented message, and its opcode; 0 if there is none. */
    #parts = [];
    #partsBytes = 0;
    #opcode = 0;
    /** `maxMessageBytes`: a longer message is refused with 1009. */
    constructor(sink, maxMessageBytes = 16 * 1024 * 1024) {
        this.sink = sink;
        this.maxMessageBytes = maxMessageBytes;
    }
    /** Takes the next bytes. Throws a {@link ProtocolError}, after which nothing more is to be pushed. */
    push(chunk) {
        if (this.#length === 0) {
            const used = this.#parse(chunk);
            if (used < chunk.length)
                this.#keep(chunk.subarray(used));
            return;
        }
        this.#keep(chunk);
        const used = this.#parse(this.#pending.subarray(0, this.#length));
        if (used > 0) {
            this.#pending.copyWithin(0, used, this.#length);
            this.#length -= used;
        }
        if (this.#length === 0)
            this.#pending = new Uint8Array(0);
    }
    #keep(bytes) {
        const length = this.#length + bytes.length;
        if (length > this.#pending.length) {
            const grown = new Uint8Array(Math.max(length, 2 * this.#pending.length));
            grown.set(this.#pending.subarray(0, this.#length));
            this.#pending = grown;
        }
        this.#pending.set(bytes, this.#length);
        this.#length = length;
    }
    /** Parses whole frames; returns how many bytes they had. */
    #parse(data) {
        let at = 0;
        while (data.length - at >= 2) {
            const first = data[at];
            const second = data[at + 1];
            this.#check(first, second);
            let header = 2;
            let length = second & 0x7f;
            if (length === 126) {
                header = 4;
                if (data.length - at < header)
                    break;
                length = (data[at + 2] << 8) | data[at + 3];
            }
            else if (length === 127) {
                header = 10;
                if (data.length - at < header)
                    break;
                const view = new DataView(data.buffer, data.byteOffset + at + 2, 8);
                length = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
            }
            const opcode = first & 0x0f;
            const whole = opcode < CLOSE ? this.#partsBytes + length : length;
            if (whole > this.maxMessageBytes)
                throw new ProtocolError(1009, `a message has more than ${this.maxMessageBytes} bytes`);
            if (data.length - at < header + length)
                break;
            const payload = data.subarray(at + header, at + header + length);
            at += header + length;
            if (opcode >= CLOSE)
                this.sink.control(opcode, payload);
            else
                this.#data(opcode, (first & 0x80) !== 0, payload);
        }
        return at;
    }
    #check(first, second) {
        const opcode = first & 0x0f;
        if ((first & 0x70) !== 0)
            throw new ProtocolError(1002, 'a frame has reserved bits');
        if ((second & 0x80) !== 0)
            throw new ProtocolError(1002, 'a frame of the server is masked');
        if (opcode >= CLOSE) {
            if (opcode > PONG)
                throw new ProtocolError(1002, `a frame has the reserved opcode ${opcode}`);
            if ((first & 0x80) === 0)
                throw new ProtocolError(1002, 'a control frame is fragmented');
            if ((second & 0x7f) > MAX_CONTROL_BYTES)
                throw new ProtocolError(1002, 'a control frame is too long');
            return;
        }
        if (opcode > BINARY)
            throw new ProtocolError(1002, `a frame has the reserved opcode ${opcode}`);
        if (opcode === CONTINUATION && this.#opcode === 0)
            throw new ProtocolError(1002, 'a continuation continues nothing');
        if (opcode !== CONTINUATION && this.#opcode !== 0)
            throw new ProtocolError(1002, 'a message begins within another');
    }
    #data(opcode, final, payload) {
        if (final && opcode !== CONTINUATION)
            return this.sink.message(opcode, payload);
        if (opcode !== CONTINUATION)
            this.#opcode = opcode;
        this.#parts.push(payload.slice());
        this.#partsBytes += payload.length;
        if (!final)
            return;
        const whole = new Uint8Array(this.#partsBytes);
        let at = 0;
        for (const part of this.#parts) {
            whole.set(part, at);
            at += part.length;
        }
        const began = this.#opcode;
        this.#parts = [];
        this.#partsBytes = 0;
        this.#opcode = 0;
        this.sink.message(began, whole);
    }
}
/** The code and reason of a close frame; 1005 if it has none. Throws a {@link ProtocolError}. */
export function parseClose(payload) {
    if (payload.length === 0)
        return { code: 1005, reason: '' };
    if (payload.length === 1)
        throw new ProtocolError(1002, 'a close frame has half a code');
    const code = (payload[0] << 8) | payload[1];
    const allowed = (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
    if (!allowed)
        throw new ProtocolError(1002, `a close frame has the code ${code}`);
    return { code, reason: text(payload.subarray(2)) };
}
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** The text of a payload. Throws a {@link ProtocolError} if it is not UTF-8. */
export function text(payload) {
    try {
        return decoder.decode(payload);
    }
    catch {
        throw new ProtocolError(1007, 'a text is not UTF-8');
    }
}
/** A client's frame: final, and masked with `mask`, 4 random bytes. */
export function encodeFrame(opcode, payload, mask) {
    const { length } = payload;
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const frame = new Uint8Array(header + 4 + length);
    const view = new DataView(frame.buffer);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (header === 2 ? length : header === 4 ? 126 : 127);
    if (header === 4)
        view.setUint16(2, length);
    if (header === 10) {
        view.setUint32(2, Math.floor(length / 2 ** 32));
        view.setUint32(6, length >>> 0);
    }
    frame.set(mask, header);
    for (let i = 0; i < length; i++)
        frame[header + 4 + i] = payload[i] ^ mask[i & 3];
    return frame;
}
