/** Numbers, times and sizes as people read them. */

/** `0:31`, `6:12`, `1:02:09`: how long, to the second. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `0.2 s`, `34.0 s`, `2:10`: how long something took. */
export function duration(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : clockTime(ms);
}

/** `17:16:18.022`: a time of day, to the millisecond; without them if `toSecond`. */
export function timeOfDay(at: number, toSecond = false): string {
  const time = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const text = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return toSecond ? text : `${text}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `12 min ago`, `3 h ago`, `Nov 20`. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' }).format(at);
}

/** `Dec 4, 13:20`: a day and a time of it. */
export function dateText(at: number): string {
  const options = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en', options).format(at);
}

/** `3.4 MB`, `83 kB`, `512 bytes`. */
export function bytes(size: number): string {
  if (size < 1_000) return `${size} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = size / 1_000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) (value /= 1_000), (unit += 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const NUMBER = new Intl.NumberFormat('en');

/** `1,204`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** The number with the word for one or several of them: `1 event`, `57 events`. */
export function plural(value: number, one: string, several = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : several}`;
}

// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

// what terminals don't show, and what turns the direction of all that follows
// eslint-disable-next-line no-control-regex
const NOT_SHOWN = /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

/** A text without escapes, without what terminals don't show, and without what turns its direction. */
export function plain(text: string): string {
  return text.replace(ESCAPES, '').replace(NOT_SHOWN, '');
}
