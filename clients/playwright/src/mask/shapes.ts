import type { Range } from './escapes.js';

const NAME = `(?:${[
  'passw(?:or)?d|passphrase|passcode|pwd|secret|token|credentials?',
  'api[-_]?key|access[-_]?key|private[-_]?key|passwort|kennwort',
].join('|')})`;
/** Quotes, also escaped ones: JSON is often a text in JSON. */
const QUOTE = `\\\\{0,3}["'\`]`;

/** What a text has in it if it may have one of these shapes, and the shapes. What is masked is the group `secret`. */
const SHAPES: [trace: RegExp, shapes: RegExp[]][] = (
  [
    // https://ada:SECRET@host
    [':\\/\\/[^\\s\\/@"\'<>]*@', [`:\\/\\/[^\\s\\/@:"'<>]*:(?<secret>[^\\s\\/"'<>]+)@`]],
    // Headers, as call logs list them.
    [
      'authorization|cookie|\\bx-|bearer|basic',
      [
        `\\b(?:proxy-)?authorization(?:${QUOTE})?\\s*[:=]\\s*(?:${QUOTE})?(?<secret>[^\\r\\n"'\`\\\\]+)`,
        `\\bx-[a-z-]*(?:key|token|secret)(?:${QUOTE})?\\s*:\\s*(?:${QUOTE})?(?<secret>[^\\r\\n"'\`\\\\]+)`,
        `\\b(?:set-)?cookie(?:${QUOTE})?\\s*:\\s*(?:${QUOTE})?(?<secret>[^\\s=;"'\`\\\\]+=[^\\r\\n"\`\\\\]+)`,
        `\\b(?:bearer|basic)\\s+(?<secret>(?=[\\w.~+\\/-]*[\\d=])[\\w.~+\\/=-]{8,})`,
      ],
    ],
    [
      `${NAME}(?:${QUOTE})?\\s*[:=]`,
      [
        // password: 'SECRET', "apiKey":"SECRET"
        `${NAME}(?:${QUOTE})?\\s*[:=]\\s*(?<quote>${QUOTE})(?<secret>(?:(?!\\k<quote>)[^\\r\\n])+)\\k<quote>`,
        // ?token=SECRET, PASSWORD=SECRET
        `${NAME}=(?<secret>[^\\s&;,"'\`<>()\\[\\]{}]+)`,
        // password: s3cret
        `(?<![\\w-])${NAME}:\\s+(?<secret>(?=\\S*\\d)[^\\s"'\`(){}]{6,})`,
      ],
    ],
    // Tokens that say by their beginning what they are.
    [
      'eyJ|AKIA|gh[pousr]_|github_pat|glpat-|npm_|xox|sk[-_]',
      [
        `\\b(?<secret>eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*)`,
        `\\b(?<secret>(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abeprs]-)[\\w-]{16,})`,
        `\\b(?<secret>sk[-_](?:live|test|ant|proj)[-_][\\w-]{16,}|AKIA[0-9A-Z]{16})\\b`,
      ],
    ],
  ] as [string, string[]][]
).map(([trace, all]) => [new RegExp(trace, 'i'), all.map((shape) => new RegExp(shape, 'dgi'))]);

/** Where texts stand that are secret by how they look. */
export function shapes(text: string): Range[] {
  const ranges: Range[] = [];
  for (const [trace, all] of SHAPES) {
    if (!trace.test(text)) continue;
    for (const shape of all) {
      for (const { indices } of text.matchAll(shape)) {
        const range = indices?.groups?.['secret'];
        if (range) ranges.push([range[0], range[1]]);
      }
    }
  }
  return ranges;
}
