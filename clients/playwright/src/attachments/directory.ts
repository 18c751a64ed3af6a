import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { kept } from '../kept.js';

/**
 * A directory in `.runcast`, for files that are not on the server yet. It is made when the first file comes.
 * Git sees nothing of it.
 */
export class KeptDirectory {
  #path: string;
  #isMade = false;

  /** `wanted`: its path, `<configDir>/.runcast/RUN-PRODUCER8`. If something is there already, it gets a number. */
  constructor(wanted: string) {
    this.#path = wanted;
  }

  get path(): string {
    return this.#path;
  }

  /** The path for a file of this name, which may have slashes. Its directory is made. Throws what the file system throws. */
  place(name: string): string {
    if (!this.#isMade) this.#make();
    const path = join(this.#path, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  /** Removes a file, and the directories that are empty then. */
  remove(path: string): void {
    quietly(() => unlinkSync(path));
    for (let dir = dirname(path); dir.length > this.#path.length; dir = dirname(dir)) {
      if (!quietly(() => rmdirSync(dir))) return;
    }
  }

  /** Removes the directory if it is empty, and `.runcast` if nobody else has anything in it. */
  tidy(): void {
    if (!this.#isMade || !quietly(() => rmdirSync(this.#path))) return;
    this.#isMade = false;
    const parent = dirname(this.#path);
    const ignore = join(parent, '.gitignore');
    quietly(() => {
      if (readdirSync(parent).some((name) => name !== '.gitignore')) return;
      unlinkSync(ignore);
      // Another process may have put something there meanwhile.
      if (!quietly(() => rmdirSync(parent)) && existsSync(parent)) writeFileSync(ignore, '*\n');
    });
  }

  #make(): void {
    const wanted = kept(this.#path);
    for (let number = 2; ; number += 1) {
      try {
        mkdirSync(this.#path, { mode: 0o700 });
        break;
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        this.#path = `${wanted}-${number}`;
      }
    }
    this.#isMade = true;
  }
}

/** Whether it is an error of the file system with this code. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Whether the call came to its end without an error. */
export function quietly(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}
