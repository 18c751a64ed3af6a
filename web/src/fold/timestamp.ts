/** Points in time, in milliseconds since 1970, as the server reads and shows them. */

/** RFC 3339, with what ISO 8601 and its extensions allow besides: the grammar of the server's parser. */
const TIME = new RegExp(
  '^([+-]\\d{6}|\\d{4})(-?)(\\d\\d)\\2(\\d\\d)[Tt ](\\d\\d)' + // date, hour
    '(?:(?::(\\d\\d)(?::(\\d\\d)(?:[.,](\\d{1,9}))?)?|(\\d\\d)(?:(\\d\\d)(?:[.,](\\d{1,9}))?)?))?' +
    '(?:[Zz]|([+-])(\\d\\d)(?:(?::(\\d\\d)(?::(\\d\\d)(?:[.,]\\d{1,9})?)?|(\\d\\d)(?:(\\d\\d)(?:[.,]\\d{1,9})?)?))?)' +
    '(?:\\[!?[\\w/+:.=-]+\\])*$',
);

/** The first and the last time that are shown. */
const [FIRST, LAST] = [-377_705_023_201_000, 253_402_207_200_999];

/** Milliseconds of a time; undefined of what is none. */
export function parseTime(text: string): number | undefined {
  return fast(text) ?? slow(text);
}

/** The time as text: `2026-11-23T17:15:47.966Z`. */
export function showTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, FIRST), LAST)).toISOString();
}

/** `2026-11-23T17:15:47.966Z`, which almost all are. */
function fast(text: string): number | undefined {
  if (text.length !== 24 || text.charCodeAt(23) !== 90 || text.charCodeAt(10) !== 84) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':' || text[19] !== '.') return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const ms = digits(text, 20, 23);
  const sum = year + month + day + hour + minute + second + ms;
  if (Number.isNaN(sum) || year < 1970 || year > 9000 || second > 59) return undefined;
  return isTime(year, month, day, hour, minute) ? Date.UTC(year, month - 1, day, hour, minute, second, ms) : undefined;
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function isTime(year: number, month: number, day: number, hour: number, minute: number): boolean {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59) return false;
  if (day <= 28) return true;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

function slow(text: string): number | undefined {
  const found = TIME.exec(text);
  if (found === null || found[1] === '-000000') return undefined;
  const part = (...groups: number[]) => groups.map((group) => found[group]).find((value) => value !== undefined);
  const count = (...groups: number[]) => Number(part(...groups) ?? 0);
  const [year, month, day] = [Number(found[1]), count(3), count(4)];
  const [hour, minute, second] = [count(5), count(6, 9), count(7, 10)];
  if (Math.abs(year) > 9999 || second > 60 || !isTime(year, month, day, hour, minute)) return undefined;
  const [offsetHour, offsetMinute, offsetSecond] = [count(13), count(14, 16), count(15, 17)];
  if (offsetHour > 25 || offsetMinute > 59 || offsetSecond > 59) return undefined;
  const offset = ((offsetHour * 60 + offsetMinute) * 60 + offsetSecond) * 1_000 * (found[12] === '-' ? -1 : 1);
  // A leap second is the one before it.
  const local = new Date(Date.UTC(2000, 0, 1, hour, minute, Math.min(second, 59)));
  local.setUTCFullYear(year, month - 1, day);
  const nanoseconds = Number((part(8, 11) ?? '').padEnd(9, '0'));
  const seconds = local.getTime() - offset;
  const ms = seconds + Math.floor(nanoseconds / 1_000_000);
  if (ms < FIRST || ms > LAST) return undefined;
  // Before 1970, what is less than a millisecond is cut off towards 1970.
  return ms < 0 && nanoseconds % 1_000_000 > 0 ? ms + 1 : ms;
}
