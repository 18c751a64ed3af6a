import type { TestStep } from '@playwright/test/reporter';

import { mentions } from './mask/call-log.js';
import { merged, plain, type Range, replaced } from './mask/escapes.js';
import { isSecretField } from './mask/names.js';
import { maskedParams } from './mask/params.js';
import { shapes } from './mask/shapes.js';
import { Sources, typingCalls } from './mask/source.js';
import { LineStream, type MaskStream } from './mask/stream.js';
import { Typist, type Typing } from './mask/typing.js';
import { LONGEST, SHORTEST, Values } from './mask/values.js';
import { secretsOf } from './mask/variables.js';
import type { MaskOptions } from './options.js';

export type { MaskStream } from './mask/stream.js';

/** What stands in the place of a secret. */
export const MASK = '***';

/** A text has at most so many characters, if nothing else is said. */
const LONGEST_TEXT = 65_536;
const LONGEST_TITLE = 4_096;
/** Short texts come again and again, as titles and locators: so many are remembered with what they look like. */
const MOST_REMEMBERED = 1_000;
const LONGEST_REMEMBERED = 256;
const LEFT_OUT = '…';
/** Members of params that have the text that is typed. */
const TYPED_PARAMS = ['value', 'text', 'key', 'expected'];

/** The words of a step that may have secrets. */
export interface StepWords {
  title: string;
  subtitle?: string;
  params?: Record<string, unknown>;
}

/** Makes secrets unreadable in what leaves the process. */
export class Masker {
  readonly #options: MaskOptions | undefined;
  readonly #fill: 'secret' | 'all' | 'none';
  readonly #patterns: RegExp[];
  readonly #values = new Values();
  readonly #remembered = new Map<string, string>();
  /** The changes of the values that what is remembered belongs to. */
  #changes = 0;
  readonly #typist = new Typist(new Sources());

  /** `options` false: nothing is masked but `own`, the reporter's own secrets. */
  constructor(options: MaskOptions | false, env: NodeJS.ProcessEnv, own: (string | undefined)[] = []) {
    this.#options = options === false ? undefined : options;
    this.#fill = options === false ? 'none' : (options.fill ?? 'secret');
    const given = [...(this.#options?.values ?? []), ...own].filter(
      (value) => typeof value === 'string' && value !== '',
    ) as string[];
    for (const value of given) this.#values.add(value, true);
    const short = given.filter((value) => value.length < SHORTEST).map((value) => new RegExp(escaped(value), 'g'));
    this.#patterns = [...short, ...(this.#options?.patterns ?? []).map(everywhere)];
    this.environment(env);
  }

  /** Looks for a secret of the reporter's own from now on, also where nothing else is masked. */
  own(value: string): void {
    this.#values.add(value, true);
  }

  /** Looks for secrets in the environment again: a global setup may have set some. */
  environment(env: NodeJS.ProcessEnv): void {
    if (!this.#options) return;
    for (const value of secretsOf(env, this.#options.env ?? [])) this.#values.add(value, true);
  }

  /** The text without secrets, and with at most so many characters. */
  text(text: string, most = LONGEST_TEXT): string {
    if (text.length <= most) return this.#masked(text);
    // A secret that is cut would not be found: what follows is looked at too, but not shown.
    const stream = this.stream();
    const begins = stream.write(text.slice(0, most + LONGEST)) + stream.flush();
    return `${begins.slice(0, Math.min(most, begins.length) - 1).replace(/[\ud800-\udbff]$/, '')}${LEFT_OUT}`;
  }

  /**
   * The words of a step without the secrets that are typed in it; from then on they are masked everywhere. `attempt`:
   * what the step is a part of, any object.
   */
  step(step: TestStep, attempt?: object): StepWords {
    const { subtitle, params } = step as { subtitle?: string; params?: Record<string, unknown> };
    const typing = this.learn(step, attempt);
    const shown = typing && params ? hidden(params, typing.values) : params;
    return {
      title: this.text(typing ? typing.title(MASK) : step.title, LONGEST_TITLE),
      ...(subtitle !== undefined && { subtitle: this.text(subtitle, LONGEST_TITLE) }),
      ...(shown && { params: maskedParams(shown, (text, most) => this.text(text, most), MASK) }),
    };
  }

  /** Remembers the secrets that are typed in a step. Returns what is typed in it, if it is to be masked. */
  learn(step: TestStep, attempt?: object): Typing | undefined {
    if (this.#fill === 'none') return undefined;
    const typing = this.#typist.read(step, attempt);
    if (!typing || !(typing.isSecret || this.#fill === 'all')) return undefined;
    for (const value of typing.values) this.#learn(value);
    return typing;
  }

  /** Masks a text that comes in pieces, across their borders. */
  stream(): MaskStream {
    const find = (text: string) => this.#find(text);
    return new LineStream({ find, open: (text) => this.#values.open(text) }, MASK);
  }

  #masked(text: string): string {
    if (text.length > LONGEST_REMEMBERED) return this.#unremembered(text);
    if (this.#changes !== this.#values.changes || this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#changes = this.#values.changes;
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const masked = this.#unremembered(text);
    if (this.#changes === this.#values.changes) this.#remembered.set(text, masked);
    return masked;
  }

  #unremembered(text: string): string {
    const bare = plain(text);
    const ranges = merged(this.#find(bare.text));
    return ranges.length === 0 ? text : replaced(text, bare, ranges, MASK, [0, text.length]);
  }

  /** Where secrets stand in a text without escapes. Those that the text tells are looked for from then on. */
  #find(text: string): Range[] {
    const ranges: Range[] = [];
    if (this.#fill !== 'none') {
      const all = this.#fill === 'all';
      for (const { value, range } of mentions(text, all)) {
        this.#learn(value);
        ranges.push(range);
      }
      for (const { field, value, range } of typingCalls(text)) {
        if (value === undefined || !range || !(all || isSecretField(field))) continue;
        this.#learn(value);
        ranges.push(range);
      }
    }
    if (this.#options) ranges.push(...shapes(text));
    for (const pattern of this.#patterns) {
      for (const { 0: found, index } of text.matchAll(pattern)) ranges.push([index, index + found.length]);
    }
    ranges.push(...this.#values.find(text));
    return ranges;
  }

  #learn(value: string): void {
    this.#values.add(value);
    // Titles show a line's end as two characters.
    if (value.includes('\\n')) this.#values.add(value.replaceAll('\\n', '\n'));
  }
}

/** The params with the text that is typed hidden, however short it is. */
function hidden(params: Record<string, unknown>, values: string[]): Record<string, unknown> {
  const typed = TYPED_PARAMS.filter((name) => values.includes(params[name] as string));
  return typed.length === 0 ? params : { ...params, ...Object.fromEntries(typed.map((name) => [name, MASK])) };
}

function everywhere(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}g`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
