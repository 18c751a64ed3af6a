import type { Run } from '@runcast/client';
import type { TestCase, TestResult } from '@playwright/test/reporter';

import { isCode, KeptDirectory } from './attachments/directory.js';
import { keep, megabytes, uploadCommand } from './attachments/left.js';
import { Names } from './attachments/names.js';
import { type Content, look, Safe } from './attachments/secure.js';
import { Uploads } from './attachments/uploads.js';
import type { Masker } from './mask.js';
import type { Settings } from './settings.js';
import { say, type Terminal, warnOnce } from './terminal.js';

export type Attachment = TestResult['attachments'][number];

/** An attachment as events name it: `data.attachments` of `test_status`, `step.attachments`. */
export interface AttachmentEntry {
  name: string;
  contentType: string;
  /** In bytes, if it is known. */
  size?: number;
  /** The name of the artifact that it is uploaded as; missing: it is not uploaded. */
  artifact?: string;
  /** Why it is not uploaded, if that was not wanted. */
  note?: string;
}

const MiB = 1024 * 1024;
/** How much longer than `endTimeoutSecs` the end of the run may take as long as bytes are sent. */
const PATIENCE = 4;
/** Files whose artifacts are remembered, so that each is uploaded once. */
const MAX_REMEMBERED = 4096;

/** Uploads attachments while the tests go on. */
export class Attachments {
  /** Playwright hands out the same object in the step and in the result. */
  readonly #entries = new WeakMap<Attachment, AttachmentEntry>();
  /** The artifacts of files, by what they were when they were attached. The oldest goes first. */
  readonly #artifacts = new Map<string, string>();
  readonly #settings: Settings;
  readonly #directory: KeptDirectory;
  readonly #safe: Safe;
  readonly #names: Names;
  readonly #uploads: Uploads;
  #finished: Promise<void> | undefined;
  #hasEnded = false;

  constructor(
    run: Run,
    settings: Settings,
    terminal: Terminal,
    private readonly masker: Pick<Masker, 'text'>,
  ) {
    this.#settings = settings;
    this.#directory = new KeptDirectory(terminal.spillFile.replace(/\.ndjson$/, ''));
    this.#safe = new Safe(this.#directory);
    this.#names = new Names(settings.variant);
    this.#uploads = new Uploads(run);
  }

  /** Secures an attachment at once, and uploads it when it is its turn. The same one again is the same entry. */
  add(attachment: Attachment, test: TestCase, result: TestResult): AttachmentEntry {
    const known = this.#entries.get(attachment);
    if (known !== undefined) return known;
    const { name, contentType } = attachment;
    const entry = { name: this.masker.text(name), contentType, ...this.#take(attachment, test, result) };
    this.#entries.set(attachment, entry);
    return entry;
  }

  /**
   * Waits for the uploads: as long as the end of the run may take, and four times as long while bytes are sent. What is
   * left stays in files.
   */
  finish(): Promise<void> {
    const { endTimeoutMs } = this.#settings;
    this.#finished ??= this.#uploads.settle(endTimeoutMs, PATIENCE * endTimeoutMs).then(() => this.abandon());
    return this.#finished;
  }

  /** Uploads nothing more, and puts what is left into files, at once: the process is about to end. */
  abandon(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const left = keep(this.#uploads.end());
    this.#directory.tidy();
    const reason = this.#uploads.lastError?.message ?? 'there was no time left';
    if (left.kept > 0) {
      const { runId, url } = this.#settings;
      const what = `${left.kept}, ${megabytes(left.keptBytes)} (${reason})`;
      const command = uploadCommand(runId, url, this.#directory.path);
      say(`attachments that the server has not got: ${what}; upload them when it is back: ${command}`);
    }
    if (left.lost > 0)
      say(`attachments that the server has not got, and that no file could be made of: ${left.lost} (${reason})`);
  }

  /** The members of the entry that say what becomes of it. */
  #take(attachment: Attachment, test: TestCase, result: TestResult): Partial<AttachmentEntry> {
    if (this.#hasEnded || !this.#isWanted(attachment, test)) return {};
    const content = look(attachment);
    if (typeof content === 'string') return { note: content };
    const { size } = content;
    const key = 'key' in content ? content.key : undefined;
    const known = key !== undefined ? this.#artifacts.get(key) : undefined;
    if (known !== undefined) return { size, artifact: known };
    const note = this.#refusal(attachment.path ?? attachment.name, size);
    if (note !== undefined) return { size, note };
    const taken = this.#secure(attachment, content, test, result);
    if (typeof taken === 'string') return { size, note: taken };
    const { artifact, secured } = taken;
    if (key !== undefined) this.#remember(key, artifact);
    const { name, contentType } = attachment;
    const isTrace = name === 'trace' && contentType === 'application/zip';
    this.#uploads.push({ name: artifact, contentType, isTrace, size, secured, testId: test.id, result });
    return { size, artifact };
  }

  #isWanted({ name, contentType, path }: Attachment, test: TestCase): boolean {
    const wanted = this.#settings.attachments;
    if (typeof wanted === 'boolean') return wanted;
    try {
      return wanted({ name, contentType, ...(path !== undefined && { path }), testId: test.id });
    } catch (error) {
      warnOnce(
        'attachments option',
        `the option \`attachments\` threw for "${name}", which is left out: ${String(error)}`,
      );
      return false;
    }
  }

  /** Why it is not uploaded. */
  #refusal(file: string, size: number): string | undefined {
    const most = this.#settings.attachmentMaxBytes;
    if (size > most) {
      const limit = `attachmentMaxMb (${most / MiB})`;
      warnOnce(
        'attachment too large',
        `attachments larger than ${limit} are not uploaded: ${file} has ${megabytes(size)}`,
      );
      return `it is larger than ${limit}`;
    }
    if (this.#uploads.isRefused) return 'the server takes no attachments';
    if (!this.#safe.isFull(size)) return undefined;
    warnOnce('attachments wait', 'too many attachments wait for the server: further ones are not uploaded');
    return 'too many wait for the server';
  }

  #secure({ name, contentType }: Attachment, content: Content, test: TestCase, result: TestResult) {
    for (let tries = 0; tries < 8; tries += 1) {
      const artifact = this.#names.of({ name: this.masker.text(name), contentType }, content, test, result);
      try {
        const secured = this.#safe.secure(content, artifact);
        return typeof secured === 'string' ? secured : { artifact, secured };
      } catch (error) {
        // Another attempt has a file of this name.
        if (!isCode(error, 'EEXIST')) throw error;
      }
    }
    return 'its name is taken';
  }

  #remember(key: string, artifact: string): void {
    this.#artifacts.set(key, artifact);
    const oldest = this.#artifacts.keys().next();
    if (this.#artifacts.size > MAX_REMEMBERED && !oldest.done) this.#artifacts.delete(oldest.value);
  }
}
