import type { MaskOptions, Options } from './options.js';

/** What is to be written where a value is wrong; undefined: it is right. */
type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value.trim() !== '' ? undefined : 'write a text');
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'write true or false');
const texts: Check = (value) => {
  const isRight = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isRight ? undefined : "write a list of texts: ['nightly']";
};
const oneOf =
  (...words: unknown[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `write ${words.map((word) => shown(word)).join(' or ')}`;
const amount =
  (unit: string, more: (value: number) => boolean, example: number): Check =>
  (value) =>
    typeof value === 'number' && Number.isFinite(value) && more(value)
      ? undefined
      : `write a number of ${unit}: ${example}`;

/** The options, and what each may be. */
const CHECKS: Record<keyof Options, Check> = {
  url: (value) => {
    const urls = Array.isArray(value) ? value : [value];
    if (urls.length === 0) return "write the server's address: 'https://runcast.example'";
    return urls.map(urlFault).find((fault) => fault !== undefined);
  },
  token: (value) => (typeof value === 'function' ? undefined : tokenFault(value)),
  run: (value) =>
    typeof value === 'function' ? undefined : text(value) && "write a text, or a function: (ci) => 'nightly'",
  enabled: oneOf(true, false, 'ci'),
  variant: variantFault,
  steps: oneOf('all', 'test.step', 'none'),
  stdio: flag,
  attachments: (value) => (typeof value === 'function' ? undefined : flag(value) && 'write true, false, or a function'),
  attachmentMaxMb: amount('MiB, 0 or more', (value) => value >= 0, 100),
  mask: maskFault,
  endTimeoutSecs: amount('seconds, 0 or more', (value) => value >= 0, 15),
  queueMb: amount('MiB, more than 0', (value) => value > 0, 16),
  printLink: oneOf('start', 'both', false),
  github: flag,
  labels: texts,
  title: text,
  project: text,
};

const MASK_CHECKS: Record<keyof MaskOptions, Check> = {
  fill: oneOf('secret', 'all', 'none'),
  values: texts,
  patterns: (value) =>
    Array.isArray(value) && value.every(isRegExp) ? undefined : 'write a list of RegExp: [/sk-\\w+/]',
  env: texts,
};

/** Members that Playwright adds. */
const PLAYWRIGHTS = new Set(['configDir', 'onlyFailures']);

/** What is wrong with the options. */
export interface OptionFault {
  /** The option that is meant, if it is one. */
  name: keyof Options | undefined;
  /** Names the option and what to write. */
  message: string;
}

/** Looks through the options; `undefined` ones are not there. */
export function faults(options: Record<string, unknown>): OptionFault[] {
  const found: OptionFault[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name.startsWith('_') || PLAYWRIGHTS.has(name)) continue;
    if (!Object.hasOwn(CHECKS, name)) {
      const meant = nearest(name, Object.keys(CHECKS)) as keyof Options | undefined;
      const hint = meant ? `did you mean \`${meant}\`?` : `the options are ${Object.keys(CHECKS).join(', ')}`;
      found.push({ name: meant === 'mask' ? meant : undefined, message: `there is no option \`${name}\`: ${hint}` });
      continue;
    }
    const known = name as keyof Options;
    const wanted = CHECKS[known](value);
    if (wanted !== undefined)
      found.push({ name: known, message: `option \`${known}\`${given(known, value)}: ${wanted}` });
  }
  return found;
}

/** What is wrong with the address of a server; undefined: nothing. */
export function urlFault(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return "write the server's address: 'https://runcast.example'";
  const url = value.trim();
  if (!/^https?:\/\//i.test(url)) {
    return `${shown(url)} is no address: write http:// or https:// before it: 'https://${url.replace(/^\w*:?\/+/, '')}'`;
  }
  if (!URL.canParse(url)) return `${shown(url)} is no address: write one like 'https://runcast.example'`;
  const { username, password } = new URL(url);
  if (username !== '' || password !== '') return 'an address has no user or password here: use the option `token`';
  return undefined;
}

/** What is wrong with a token; undefined: nothing. It is a header, and never shown. */
export function tokenFault(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return 'write a text';
  return /^[\x21-\x7e]+$/.test(value.trim()) ? undefined : 'a token has no spaces, line breaks or letters beyond ASCII';
}

/** What is wrong with the name of a variant; undefined: nothing. */
export function variantFault(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return "write a text: 'linux'";
  return value.length <= 128 ? undefined : 'write at most 128 characters';
}

function maskFault(value: unknown): string | undefined {
  if (value === false) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return "write an object, { fill: 'all' } for instance, or false";
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const check = Object.hasOwn(MASK_CHECKS, name) ? MASK_CHECKS[name as keyof MaskOptions] : undefined;
    if (check === undefined) {
      const meant = nearest(name, Object.keys(MASK_CHECKS));
      return `it has no \`${name}\`: ${meant ? `did you mean \`${meant}\`?` : `write ${Object.keys(MASK_CHECKS).join(', ')}`}`;
    }
    const wanted = check(member);
    if (wanted !== undefined) return `\`${name}\`: ${wanted}`;
  }
  return undefined;
}

/** A value in a message; never one that may be a secret. */
function given(name: keyof Options, value: unknown): string {
  if (name === 'token' || name === 'mask' || (name === 'url' && typeof value === 'string')) return '';
  return typeof value === 'object' || typeof value === 'function' ? '' : ` is ${shown(value)}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 100)}'` : String(value);
}

/** Also one of another realm. */
function isRegExp(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}

/** The name that was probably meant. */
function nearest(name: string, names: string[]): string | undefined {
  const wanted = name.toLowerCase();
  const near = names
    .map((known) => ({ known, far: distance(wanted, known.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)[0];
  return near !== undefined && near.far <= Math.max(1, Math.floor(near.known.length / 3)) ? near.known : undefined;
}

/** How many letters must be added, left out or replaced (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
