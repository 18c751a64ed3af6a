import { StringDecoder } from 'node:string_decoder';

import type { Masker, MaskStream } from '../mask.js';
import type { OutputBudget } from './budget.js';
import { cutTo, parts } from './cut.js';

export type OutputStream = 'stdout' | 'stderr';

/** Characters of pieces that are joined. */
const JOINED_CHARS = 16_384;
/** A line that does not fit is posted in part if the part has so many characters. */
const PART_OF_A_LINE = 4_096;
/** Bytes of the text of one event. */
const EVENT_BYTES = 32_768;
/** After a gap output goes on with the next line, or so many bytes later: before it may be the rest of a secret. */
const SKIPPED_BYTES = 4_096;

/** Standard output or standard error of an attempt. */
interface Source {
  decoder: StringDecoder;
  mask: MaskStream;
  /** Bytes that are still skipped after a gap, unless a line ends. */
  skips: number;
}

/** The output of one attempt at a test, or of the run. */
export class Channel {
  readonly #sources = new Map<OutputStream, Source>();
  /** Pieces that can be posted, of one stream. */
  #joined = '';
  #joinedOf: OutputStream = 'stdout';
  /** Since when something is held back. */
  #heldSince: number | undefined;
  #lastWrite = 0;
  /** Output is left out until there is room again. */
  #isFull = false;
  #leftOut = 0;
  #leftOutOf: OutputStream = 'stdout';

  constructor(
    private readonly masker: Masker,
    private readonly budget: OutputBudget,
    private readonly post: (stream: OutputStream, text: string, more: object) => void,
  ) {}

  /** Whether something is not posted yet. */
  get isWaiting(): boolean {
    return this.#joined !== '' || this.#leftOut > 0 || this.#heldSince !== undefined;
  }

  write(stream: OutputStream, chunk: string | Buffer, now: number): void {
    const source = this.#source(stream);
    this.#lastWrite = now;
    if (this.#isFull && !this.budget.isRoomy(now)) {
      this.#leaveOut(stream, typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length);
      source.skips = SKIPPED_BYTES;
      return;
    }
    this.#isFull = false;
    let text = typeof chunk === 'string' ? source.decoder.end() + chunk : source.decoder.write(chunk);
    if (source.skips > 0) text = this.#skip(stream, source, text);
    if (source.skips > 0) return;
    this.#tellLeftOut();
    const room = this.budget.at(now);
    const fits = wholeLines(cutTo(text, room), text);
    this.budget.take(Buffer.byteLength(fits));
    this.#join(stream, source.mask.write(fits));
    if (fits.length < text.length) this.#stop(stream, source, text.slice(fits.length));
    this.#heldSince = this.#isHolding() ? (this.#heldSince ?? now) : undefined;
  }

  /** Posts what is complete, and lines without an end; what may be the beginning of a secret waits. */
  settle(): void {
    for (const [stream, { mask }] of this.#sources) if (mask.isHolding) this.#join(stream, mask.flush());
    this.#postJoined();
    if (!this.#isHolding()) this.#heldSince = undefined;
  }

  /** Posts what was joined, and what has been held back for `holdMs`. */
  due(now: number, holdMs: number): void {
    if (this.#heldSince !== undefined && now - this.#heldSince >= holdMs) {
      for (const [stream, { mask }] of this.#sources) this.#join(stream, mask.flush(true));
      this.#heldSince = undefined;
    }
    this.#postJoined();
    // Otherwise the next output tells it, with what is skipped before the next line.
    if (now - this.#lastWrite >= holdMs) this.#tellLeftOut();
  }

  end(): void {
    for (const [stream, source] of this.#sources) {
      this.#join(stream, source.mask.write(source.skips > 0 ? '' : source.decoder.end()) + source.mask.end());
    }
    this.#postJoined();
    this.#tellLeftOut();
    this.#heldSince = undefined;
  }

  #source(stream: OutputStream): Source {
    const known = this.#sources.get(stream);
    if (known) return known;
    const source = { decoder: new StringDecoder('utf8'), mask: this.masker.stream(), skips: 0 };
    this.#sources.set(stream, source);
    return source;
  }

  #isHolding(): boolean {
    for (const { mask } of this.#sources.values()) if (mask.isHolding) return true;
    return false;
  }

  /** Leaves out what is behind the room that there was. */
  #stop(stream: OutputStream, source: Source, rest: string): void {
    this.#join(stream, source.mask.end());
    this.#isFull = true;
    this.#leaveOut(stream, Buffer.byteLength(rest + source.decoder.end()));
    source.skips = SKIPPED_BYTES;
  }

  /** What is behind a gap: from the next line on. */
  #skip(stream: OutputStream, source: Source, text: string): string {
    const line = text.indexOf('\n') + 1;
    const skipped = line > 0 ? text.slice(0, line) : text;
    const bytes = Buffer.byteLength(skipped);
    this.#leaveOut(stream, bytes);
    source.skips = line > 0 ? 0 : Math.max(0, source.skips - bytes);
    return text.slice(skipped.length);
  }

  #leaveOut(stream: OutputStream, bytes: number): void {
    this.#leftOut += bytes;
    this.#leftOutOf = stream;
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return;
    this.#postJoined();
    const bytes = this.#leftOut;
    this.#leftOut = 0;
    const text = `... ${bytes.toLocaleString('en-US')} bytes of output left out\n`;
    this.post(this.#leftOutOf, text, { data: { leftOutBytes: bytes } });
  }

  #join(stream: OutputStream, text: string): void {
    if (text === '') return;
    if (this.#joinedOf !== stream) this.#postJoined();
    this.#joinedOf = stream;
    this.#joined += text;
    if (this.#joined.length >= JOINED_CHARS) this.#postJoined();
  }

  #postJoined(): void {
    const text = this.#joined;
    this.#joined = '';
    for (const part of parts(text, EVENT_BYTES)) this.post(this.#joinedOf, part, {});
  }
}

/** What fits of a text, up to the end of a line if that leaves enough. */
function wholeLines(fits: string, text: string): string {
  if (fits.length === text.length || fits.endsWith('\n')) return fits;
  const lines = fits.lastIndexOf('\n') + 1;
  return fits.length - lines < PART_OF_A_LINE ? fits.slice(0, lines) : fits;
}
