import { existsSync } from 'node:fs';

import { isCommon, isSecretVariable } from './names.js';
import { SHORTEST } from './values.js';

/** Values of variables that only look secret are masked from so many characters on. */
const SHORTEST_GUESS = 8;
/** Variables that are looked at. */
const MOST_VARIABLES = 5_000;
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i;
const PATH = /^(?:\.{0,2}|~|[A-Za-z]:)[\\/]/;

/**
 * The secret values of an environment: of variables that are named (`*` stands for anything, `!NAME` is never one), and
 * of those that look secret. Of an address with a password it is the password.
 */
export function secretsOf(env: NodeJS.ProcessEnv, named: string[]): string[] {
  const never = named.filter((name) => name.startsWith('!')).map((name) => glob(name.slice(1)));
  const always = named.filter((name) => !name.startsWith('!')).map(glob);
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(env).slice(0, MOST_VARIABLES)) {
    if (value === undefined || value.length < SHORTEST || never.some((pattern) => pattern.test(name))) continue;
    if (always.some((pattern) => pattern.test(name))) {
      secrets.push(value, value.trim());
      continue;
    }
    const password = passwordOf(value);
    if (password !== undefined) secrets.push(...withoutEscapes(password).filter(isGuess));
    else if (isSecretVariable(name) && isGuess(value) && !isPlace(value)) secrets.push(value.trim());
  }
  return secrets;
}

function isGuess(value: string): boolean {
  return value.trim().length >= SHORTEST_GUESS && !isCommon(value);
}

/** Whether a value says where a secret is: a file, a server. */
function isPlace(value: string): boolean {
  if (ADDRESS.test(value)) return !/[?&#]/.test(value);
  return value.length < 4_096 && PATH.test(value) && existsSync(value);
}

function passwordOf(value: string): string | undefined {
  if (!ADDRESS.test(value)) return undefined;
  return /^[^/]*\/\/[^/?#]*?:([^/?#]*)@/.exec(value)?.[1];
}

function withoutEscapes(text: string): string[] {
  try {
    return [text, decodeURIComponent(text)];
  } catch {
    return [text];
  }
}

function glob(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, process.platform === 'win32' ? 'is' : 's');
}
