import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';

import { isCode, type KeptDirectory, quietly } from './directory.js';

const MiB = 1024 * 1024;
/** Files up to this many bytes are copied, which takes about 0.2 ms: a screenshot may be written anew in its place. */
const COPIED = MiB / 4;
/** Files up to this many bytes are copied if there is no other way, which takes some milliseconds. */
const COPIED_IN_NEED = 8 * MiB;
/** Files that are held open at a time. */
const MAX_DESCRIPTORS = 64;
/** Bytes of contents in memory: what has to be written at once when the process is to end. */
const MAX_MEMORY = 16 * MiB;
/** What waits for its upload at most: bytes, and files. */
const MAX_BYTES = 2048 * MiB;
const MAX_FILES = 10_000;
const DESCRIPTORS = '/proc/self/fd';

/** The content of an attachment, which stays readable whatever happens to the file. */
export interface Secured {
  /** What is uploaded: the path of a file, or bytes. */
  readonly source: string | Uint8Array;
  /** Puts it into a file of the directory, if it is in none. False: that can't be done. */
  keep(): boolean;
  /** Lets go of it; nothing of it stays. */
  release(): void;
}

/** What is attached: a file, or bytes. */
export type Content = FileContent | BytesContent;

export interface FileContent {
  /** Where it is, without symbolic links. */
  path: string;
  size: number;
  /** The same for the same content in the same place. */
  key: string;
}

export interface BytesContent {
  body: Uint8Array;
  size: number;
}

/** Looks at what is attached. A text is the reason why it can't be uploaded. */
export function look({ path, body }: { path?: string; body?: Uint8Array }): Content | string {
  if (path !== undefined) return lookAt(resolve(path));
  return body === undefined ? 'it has neither a file nor a body' : { body, size: body.byteLength };
}

function lookAt(path: string): FileContent | string {
  try {
    let stats: Stats = lstatSync(path);
    let real = path;
    if (stats.isSymbolicLink()) {
      // A hard link would be one to the symbolic link.
      real = realpathSync(path);
      stats = statSync(real);
    }
    if (!stats.isFile()) return stats.isDirectory() ? 'it is a directory' : 'it is not a regular file';
    accessSync(real, constants.R_OK);
    return { path: real, size: stats.size, key: `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${real}` };
  } catch (error) {
    return reasonOf(error);
  }
}

/** Secures what is attached, until it is uploaded. */
export class Safe {
  #memory = 0;
  #descriptors = 0;
  #bytes = 0;
  #files = 0;
  readonly #hasDescriptors = existsSync(DESCRIPTORS);

  constructor(private readonly directory: KeptDirectory) {}

  /** Whether so much waits for its upload that nothing more is taken. */
  isFull(size: number): boolean {
    return this.#files >= MAX_FILES || (this.#files > 0 && this.#bytes + size > MAX_BYTES);
  }

  /**
   * Secures it under a name. A text is the reason why there is nothing to upload. Throws `EEXIST` if the name is taken.
   */
  secure(content: Content, name: string): Secured | string {
    const secured = 'body' in content ? this.#body(content, name) : this.#file(content, name);
    return typeof secured === 'string' ? secured : this.#counted(content.size, secured);
  }

  /**
   * A small file is copied. Others get a hard link, which survives that the file is removed; on another file system a
   * descriptor does, or a copy. If there is no way, it is read where it is when it is its turn.
   */
  #file({ path, size }: FileContent, name: string): Secured | string {
    const secured =
      (size <= COPIED ? this.#copy(path, name) : undefined) ??
      this.#link(path, name) ??
      this.#open(path, name) ??
      (size <= COPIED_IN_NEED ? this.#copy(path, name) : undefined);
    if (secured !== undefined) return secured;
    if (!existsSync(path)) return 'it is gone';
    return { source: path, keep: () => this.#copy(path, name) !== undefined, release: () => {} };
  }

  /** Bytes stay in memory as long as there is little of them. */
  #body({ body, size }: BytesContent, name: string): Secured {
    const written = this.#memory + size > MAX_MEMORY ? this.#write(body, name) : undefined;
    if (written !== undefined) return written;
    this.#memory += size;
    const release = () => void (this.#memory -= size);
    return { source: body, keep: () => this.#write(body, name) !== undefined, release };
  }

  #counted(size: number, secured: Secured): Secured {
    this.#files += 1;
    this.#bytes += size;
    const release = () => {
      this.#files -= 1;
      this.#bytes -= size;
      secured.release();
    };
    return { source: secured.source, keep: () => secured.keep(), release };
  }

  #copy(path: string, name: string): Secured | undefined {
    return this.#put(name, (target) => copyFileSync(path, target, constants.COPYFILE_EXCL));
  }

  #link(path: string, name: string): Secured | undefined {
    return this.#put(name, (target) => linkSync(path, target));
  }

  #write(body: Uint8Array, name: string): Secured | undefined {
    return this.#put(name, (target) => writeFileSync(target, body, { flag: 'wx', mode: 0o600 }));
  }

  #put(name: string, write: (target: string) => void): Secured | undefined {
    let target: string | undefined;
    try {
      target = this.directory.place(name);
      write(target);
      const path = target;
      return { source: path, keep: () => true, release: () => this.directory.remove(path) };
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw error;
      // A disk that is full leaves half a copy.
      if (target !== undefined) this.directory.remove(target);
      return undefined;
    }
  }

  /** An open file can be read after it was removed. Where Windows does not let it be removed there is no `/proc`. */
  #open(path: string, name: string): Secured | undefined {
    if (!this.#hasDescriptors || this.#descriptors >= MAX_DESCRIPTORS) return undefined;
    let descriptor = -1;
    if (!quietly(() => void (descriptor = openSync(path, 'r')))) return undefined;
    this.#descriptors += 1;
    const source = `${DESCRIPTORS}/${descriptor}`;
    const release = () => {
      this.#descriptors -= 1;
      quietly(() => closeSync(descriptor));
    };
    return { source, keep: () => this.#copy(source, name) !== undefined, release };
  }
}

function reasonOf(error: unknown): string {
  if (isCode(error, 'ENOENT', 'ENOTDIR')) return 'there is no such file';
  if (isCode(error, 'EACCES', 'EPERM')) return 'it may not be read';
  return error instanceof Error ? error.message : String(error);
}
