// Writes src/generated/: the server's words, events and commands, from docs/vocabulary.json. With --check it writes nothing,
// and fails if a file is not what it would write.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const vocabulary = JSON.parse(readFileSync(new URL('../../../docs/vocabulary.json', import.meta.url), 'utf8'));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const FOLDER = new URL('../src/generated/', import.meta.url);
const HEAD = '// Written by scripts/generate.mjs from docs/vocabulary.json.\n\n';
const KINDS = { integer: 'number', number: 'number', string: 'string', boolean: 'boolean', array: 'unknown[]', any: 'unknown' };
// Titles may be a list of texts, messages an object that has one.
const LOOSE = { title: 'string | string[]', message: 'string | { message?: string; [member: string]: unknown }' };

const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const union = (names) => names.map(quoted).join(' | ');
const pascal = (name) => name.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase());
const comment = (text, indent) => `${indent}/** ${text} */\n`;

// `fields` name what is deeper by paths: `data.error`, `tests[].title`. A member with parts is a node of a tree.
function tree(fields) {
  const root = new Map();
  for (const field of fields) {
    const path = field.name.split('.');
    let members = root;
    for (const [depth, part] of path.entries()) {
      const name = part.replace('[]', '');
      if (!members.has(name)) members.set(name, { field: { type: 'object', optional: true }, members: new Map() });
      const node = members.get(name);
      if (part.endsWith('[]')) node.list = true;
      if (depth === path.length - 1) node.field = field;
      members = node.members;
    }
  }
  // What is not described itself is there if anything in it has to be.
  const settle = (members) => {
    for (const node of members.values()) {
      settle(node.members);
      if (node.field.doc === undefined) node.field.optional = [...node.members.values()].every(({ field }) => field.optional);
    }
  };
  settle(root);
  return root;
}

function members(nodes, indent) {
  let out = '';
  for (const [name, { field, list, members: parts }] of nodes) {
    if (field.doc !== undefined) out += comment(field.doc, indent);
    out += `${indent}${name}${field.optional ? '?' : ''}: ${type(field, list, parts, indent)};\n`;
  }
  return out;
}

function type(field, list, parts, indent) {
  let written = KINDS[field.type] ?? LOOSE[field.type] ?? 'Record<string, unknown>';
  if (field.values !== undefined) written = union(field.values);
  if (parts.size > 0) {
    written = `{\n${members(parts, indent + '  ')}${indent}  [member: string]: unknown;\n${indent}}`;
    if (list) written += '[]';
  }
  return field.optional ? `${written} | null` : written;
}

// The events by type, each with its text, its members, and how many shapes it has: several writers may have the same type,
// and what not all of them write may be missing.
function eventTypes() {
  const types = new Map();
  for (const event of [...vocabulary.producerEvents, ...vocabulary.serverEvents]) {
    const known = types.get(event.type) ?? { doc: event.doc, fields: new Map(), shapes: 0 };
    types.set(event.type, known);
    known.shapes += 1;
    for (const field of event.fields) {
      const before = known.fields.get(field.name);
      const values = before?.values && field.values ? [...new Set([...before.values, ...field.values])] : (before ?? field).values;
      known.fields.set(field.name, { ...(before ?? field), values, seen: (before?.seen ?? 0) + 1 });
    }
  }
  for (const known of types.values()) {
    // The base has `at` and `producer`.
    known.fields = [...known.fields.values()]
      .filter(({ name }) => name !== 'at' && name !== 'producer')
      .map(({ seen, ...field }) => ({ ...field, optional: field.optional || seen < known.shapes }));
  }
  return types;
}

const types = eventTypes();
const produced = new Set(vocabulary.producerEvents.map(({ type: name }) => name));
// Events of commands have the same members, but for a few.
const has = ({ fields }, member) => fields.some(({ name, optional }) => name === member && !optional);
const ofCommands = [...types.values()].filter((event) => has(event, 'commandId') && has(event, 'by'));
const whole = ({ fields }, member) => fields.filter(({ name }) => name === member || name.startsWith(`${member}.`));
const isCommon = (member) => new Set(ofCommands.map((event) => JSON.stringify(whole(event, member)))).size === 1;
const common = ofCommands[0].fields.filter(({ name }) => isCommon(name.split('.')[0]));

function eventInterface([name, event]) {
  const isOfCommand = ofCommands.includes(event);
  const own = isOfCommand ? event.fields.filter(({ name }) => !isCommon(name.split('.')[0])) : event.fields;
  const base = isOfCommand ? 'CommandEventBase' : 'EventBase';
  return `${comment(event.doc, '')}export interface ${pascal(name)}Event extends ${base} {\n  type: ${quoted(name)};\n${members(tree(own), '  ')}}\n`;
}

const interfaces = (chosen) => [...types].filter(([name]) => chosen(name)).map(eventInterface).join('\n');
const names = (chosen) => [...types.keys()].filter(chosen);
const imported = (chosen, from) => `import type {\n${names(chosen).map((name) => `  ${pascal(name)}Event,\n`).join('')}} from '${from}';\n`;
const isProduced = (name) => produced.has(name), isServers = (name) => !produced.has(name);

function commandInterfaces() {
  let out = '';
  for (const { type: name, doc, fields } of vocabulary.commands) {
    out += `${comment(doc, '')}export interface ${pascal(name)}Command {\n  type: ${quoted(name)};\n${members(tree(fields), '  ')}}\n\n`;
  }
  const all = vocabulary.commands.map(({ type: name }) => `  | ${pascal(name)}Command`).join('\n');
  return `${out}/** What may be asked of a run. */\nexport type Command =\n${all};\n`;
}

const codes = vocabulary.closeCodes.map(({ code, reason, reconnect, when }) =>
  `  { code: ${code}, reason: ${quoted(reason)}, reconnect: ${quoted(reconnect)}, when: ${quoted(when)} },\n`).join('');
const list = (items) => items.map(({ status }) => status);
const finals = (items) => list(items.filter(({ final }) => final)).map(quoted).join(', ');

const files = {
  'words.ts': `${HEAD}/** The version of this package. */
export const VERSION = ${quoted(version)};

/** How the server closes a WebSocket; \`code\` is null where it only breaks the connection. */
export const CLOSE_CODES = [
${codes}] as const;

export type RunStatus = ${union(list(vocabulary.runStatuses))};
/** The statuses that end a run. */
export const FINAL_RUN_STATUSES: readonly string[] = [${finals(vocabulary.runStatuses)}];

export type TestStatus = ${union(list(vocabulary.testStatuses))};
/** The statuses that end an attempt at a test. */
export const FINAL_TEST_STATUSES: readonly string[] = [${finals(vocabulary.testStatuses)}];

export type ArtifactKind = ${union(vocabulary.artifactKinds)};
`,
  'event-base.ts': `${HEAD}/** What every event has. */
export interface EventBase {
  /** Its number in the run: strictly consecutive, from 1. */
  seq: number;
  type: string;
  /** When it happened, by its producer's clock; or when it was stored. */
  timestamp: string;
  /** Who posted it, in the types into which the server writes it. */
  producer?: string;
  /** When it was stored, in the types into which the server writes it. */
  at?: string;
  [member: string]: unknown;
}

/** What every event of a command has. */
export interface CommandEventBase extends EventBase {
${members(tree(common), '  ')}}
`,
  'producer-events.ts': `${HEAD}import type { EventBase } from './event-base.js';\n\n${interfaces(isProduced)}`,
  'server-events.ts': `${HEAD}import type { CommandEventBase, EventBase } from './event-base.js';\n\n${interfaces(isServers)}`,
  'events.ts': `${HEAD}${imported(isProduced, './producer-events.js')}${imported(isServers, './server-events.js')}
/** The events that mean something to the server, by type. */
export interface EventMap {
${names(() => true).map((name) => `  ${name}: ${pascal(name)}Event;\n`).join('')}}
`,
  'commands.ts': `${HEAD}${commandInterfaces()}`,
  'index.ts': `${HEAD}export * from './commands.js';
export * from './event-base.js';
export * from './events.js';
export * from './producer-events.js';
export * from './server-events.js';
export * from './words.js';
`,
};

mkdirSync(FOLDER, { recursive: true });
for (const [name, source] of Object.entries(files)) {
  const file = new URL(name, FOLDER);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, source);
  } else if (readFileSync(file, 'utf8') !== source) {
    console.error(`src/generated/${name} is not what docs/vocabulary.json says: run scripts/clients`);
    process.exit(1);
  }
}
