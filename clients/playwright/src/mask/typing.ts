import type { TestStep } from '@playwright/test/reporter';

import { isSecretField } from './names.js';
import type { Sources } from './source.js';

/** A step that types a text into a field, or expects one there. */
export interface Typing {
  /** It is a secret, by the name of its field. */
  isSecret: boolean;
  /** The texts, as far as they are known. */
  values: string[];
  /** The title with another text in the place of the one that is typed. */
  title(word: string): string;
}

/** What a step's title and params are made of. */
interface Parts {
  action: string;
  /** What names the field; empty: it is where the attempt was last; undefined: nothing says it. */
  field: string | undefined;
  value?: string;
  /** The title before and behind the value; all of it, if it has no value. */
  before: string;
  behind: string;
}

/** `Fill "text" getByLabel('Name')`, from Playwright 1.53 on; from 1.63 on the locator stands in the subtitle. */
const TITLE = /^(Fill|Type|Press|Insert|Expect)(?: "([\s\S]*)| ([\s\S]+))?$/;
const LOCATOR = /" (?=(?:locator|getBy[A-Z]\w*|frameLocator|page\.|frame\.)\W)/;
/** `locator.fill(#name)`, `page.type(#name, text)`, up to 1.52. */
const OBJECT = 'page|frame|locator|locator\\..+|elementHandle|keyboard';
const CALL = new RegExp(`^(${OBJECT})\\.(fill|type|pressSequentially|press|insertText)(?:\\(([\\s\\S]*)\\))?$`);
const EXPECTED = 'toHaveValue';
const ACTIONS = new Set([
  'fill',
  'type',
  'pressSequentially',
  'press',
  'insertText',
  'Fill',
  'Type',
  'Press',
  'Insert',
]);
/** How the calls of an action are named in tests. */
const METHODS: Record<string, string[]> = {
  Fill: ['fill'],
  Type: ['type', 'pressSequentially'],
  Insert: ['insertText'],
};
/** Keys that write no text: `Enter`, `Control+A`. */
const NAMED_KEY = /^(?!Shift\+.$)(?:[\s\S]{2,})$/u;

/** Reads steps, one attempt's after the other's: text from the keyboard goes where the attempt was last. */
export class Typist {
  readonly #lastFields = new WeakMap<object, string>();

  constructor(private readonly sources: Sources) {}

  /** What a step types; undefined if nothing. `attempt`: what it is a part of. */
  read(step: TestStep, attempt: object | undefined): Typing | undefined {
    if (step.category !== 'pw:api' && step.category !== 'expect') return undefined;
    const parts = partsOf(step);
    if (!parts) return undefined;
    const { action } = parts;
    if (!ACTIONS.has(action) && action !== EXPECTED) {
      if (attempt && parts.field) this.#lastFields.set(attempt, parts.field);
      return undefined;
    }
    const isPress = action.toLowerCase() === 'press';
    if (isPress && parts.value !== undefined && NAMED_KEY.test(parts.value)) {
      if (attempt && /Tab$/.test(parts.value)) this.#lastFields.delete(attempt);
      return undefined;
    }
    const call = this.sources.at(step.location, METHODS[action] ?? [action]);
    const field = parts.field === '' ? ((attempt && this.#lastFields.get(attempt)) ?? '') : parts.field;
    if (attempt && parts.field) this.#lastFields.set(attempt, parts.field);
    const isSecret =
      (field === undefined && !call) || isSecretField(field ?? '') || (call !== undefined && isSecretField(call.field));
    const values = [parts.value, call?.value].filter((value) => value !== undefined && value !== '') as string[];
    const { value, before, behind } = parts;
    const hasValue = value !== undefined && value !== '' && before !== step.title;
    return { isSecret, values, title: (word) => (hasValue ? before + word + behind : step.title) };
  }
}

function partsOf(step: TestStep): Parts | undefined {
  const { title, category } = step;
  const params = (step as { params?: Record<string, unknown> }).params;
  const subtitle = (step as { subtitle?: string }).subtitle ?? text(params?.['locator']);
  if (category === 'expect') {
    const value = text(params?.['expected']);
    const action = title.includes(EXPECTED) ? EXPECTED : '';
    return {
      action,
      field: subtitle ?? locatorIn(title),
      ...(value !== undefined && { value }),
      before: title,
      behind: '',
    };
  }
  const call = CALL.exec(title);
  if (call) return oldParts(title, call as unknown as OldCall, 'annotations' in step);
  const found = TITLE.exec(title);
  if (!found) return { action: '', field: subtitle ?? locatorIn(title), before: title, behind: '' };
  const [, action, quoted, locator] = found as unknown as [string, string, string | undefined, string | undefined];
  const param = text(params?.['value']) ?? text(params?.['text']) ?? text(params?.['key']);
  const end =
    quoted === undefined
      ? -1
      : ((subtitle === undefined ? LOCATOR.exec(quoted)?.index : undefined) ?? quoted.lastIndexOf('"'));
  if (quoted === undefined || end < 0) {
    return {
      action,
      field: subtitle ?? locator ?? '',
      ...(param !== undefined && { value: param }),
      before: title,
      behind: '',
    };
  }
  const field = subtitle ?? quoted.slice(end + 2);
  return { action, field, value: param ?? quoted.slice(0, end), before: `${action} "`, behind: quoted.slice(end) };
}

/** Object, method, arguments. */
type OldCall = [string, string, string, string | undefined];

/** `says`: `locator.fill` has the value in its title, not the field (1.51 and 1.52). */
function oldParts(title: string, [, object, action, rest]: OldCall, says: boolean): Parts {
  const open = title.length - (rest ?? '').length - 1;
  const chain = object.startsWith('locator.') ? object : '';
  if (rest === undefined) return { action, field: chain, before: title, behind: '' };
  if (action === 'fill') {
    const isValue = object.startsWith('locator') ? says || chain !== '' : object === 'elementHandle';
    if (!isValue) return { action, field: rest, before: title, behind: '' };
    const field = chain !== '' || object !== 'locator' ? chain : undefined;
    return { action, field, value: rest, before: title.slice(0, open), behind: ')' };
  }
  const comma = chain !== '' || object === 'elementHandle' || object === 'keyboard' ? -1 : rest.indexOf(', ');
  const field = comma < 0 ? chain : rest.slice(0, comma);
  const at = comma < 0 ? 0 : comma + 2;
  return { action, field, value: rest.slice(at), before: title.slice(0, open + at), behind: ')' };
}

function locatorIn(title: string): string {
  return /\b(?:locator|getBy[A-Z]\w*|frameLocator)\([\s\S]*$/.exec(title)?.[0] ?? /\((.+)\)$/s.exec(title)?.[1] ?? '';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
