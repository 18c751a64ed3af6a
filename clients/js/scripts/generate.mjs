// Writes src/generated.ts: the server's words, from docs/vocabulary.json. With --check it writes nothing, and fails if the
// file is not what it would write.

import { readFileSync, writeFileSync } from 'node:fs';

const vocabulary = JSON.parse(readFileSync(new URL('../../../docs/vocabulary.json', import.meta.url), 'utf8'));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const FILE = new URL('../src/generated.ts', import.meta.url);
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

function eventInterfaces() {
  const byType = new Map();
  for (const event of [...vocabulary.producerEvents, ...vocabulary.serverEvents]) {
    const known = byType.get(event.type) ?? { docs: [], fields: new Map(), shapes: 0 };
    byType.set(event.type, known);
    known.docs.push(event.doc);
    known.shapes += 1;
    // Several writers have the same type: what not all of them write may be missing.
    for (const field of event.fields) {
      const before = known.fields.get(field.name);
      const values = before?.values && field.values ? [...new Set([...before.values, ...field.values])] : (before ?? field).values;
      known.fields.set(field.name, { ...(before ?? field), values, seen: (before?.seen ?? 0) + 1 });
    }
  }
  let out = '';
  for (const [name, { docs, fields, shapes }] of byType) {
    const settled = [...fields.values()].map((field) => ({ ...field, optional: field.optional || field.seen < shapes }));
    out += `${comment(docs[0], '')}export interface ${pascal(name)}Event extends EventBase {\n  type: ${quoted(name)};\n`;
    // The base has them: their types stay, and whether they may be missing.
    out += members(tree(settled.filter(({ name: member }) => member !== 'at' && member !== 'producer')), '  ');
    out += '}\n\n';
  }
  const map = [...byType.keys()].map((name) => `  ${name}: ${pascal(name)}Event;\n`).join('');
  return `${out}/** The events that mean something to the server, by type. */\nexport interface EventMap {\n${map}}\n`;
}

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

const source = `// Written by scripts/generate.mjs from docs/vocabulary.json.

/** The version of this package. */
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

/** What every event has. */
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

${eventInterfaces()}
${commandInterfaces()}`;

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== source) {
    console.error('src/generated.ts is not what docs/vocabulary.json says: run `npm run generate`');
    process.exit(1);
  }
} else {
  writeFileSync(FILE, source);
}
