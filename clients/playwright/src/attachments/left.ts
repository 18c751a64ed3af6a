import { isAbsolute, relative } from 'node:path';

import { commandLine } from '../shell.js';
import { quietly } from './directory.js';
import type { Waiting } from './uploads.js';

/** What became of attachments that could not be uploaded. */
export interface Left {
  /** Those that are in files. */
  kept: number;
  keptBytes: number;
  /** Those that can't be written to a file. */
  lost: number;
}

/** Puts what was not uploaded into files. */
export function keep(items: Waiting[]): Left {
  const left = { kept: 0, keptBytes: 0, lost: 0 };
  for (const { secured, size } of items) {
    let isKept = false;
    quietly(() => void (isKept = secured.keep()));
    if (isKept) {
      left.kept += 1;
      left.keptBytes += size;
    } else {
      left.lost += 1;
      secured.release();
    }
  }
  return left;
}

/** The command that uploads a directory later, and then removes it, to be copied into a shell. */
export function uploadCommand(runId: string, url: string[], directory: string): string {
  const near = relative(process.cwd(), directory);
  const path = near.startsWith('..') || isAbsolute(near) ? directory : near;
  const upload = commandLine(['runcast', 'upload', '--url', url.join(','), runId, path]);
  return process.platform === 'win32' ? upload : `${upload} && ${commandLine(['rm', '-r', path])}`;
}

/** `34 MB`, `0.2 MB` */
export function megabytes(bytes: number): string {
  const amount = bytes / (1024 * 1024);
  return `${amount >= 10 ? Math.round(amount) : Math.max(0.1, Math.round(amount * 10) / 10)} MB`;
}
