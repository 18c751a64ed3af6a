/**
 * What screen readers are told without being asked. There is one region that waits for its turn, and it speaks at most
 * every 5 seconds; the other one interrupts, once for each question.
 */

/** How long the polite region is silent after it spoke, in milliseconds. */
export const QUIET_MS = 5_000;
/** Sentences that wait; the oldest gives way. */
const MAX_WAITING = 3;

/** Collects sentences, and tells when which are to be said. Pure but for its timer, which is given. */
export class Speaker {
  #waiting: string[] = [];
  #quietUntil = 0;
  #planned = false;

  constructor(
    private readonly speak: (text: string) => void,
    private readonly now: () => number,
    private readonly later: (run: () => void, ms: number) => void,
  ) {}

  /** Says a sentence at its turn. With a `topic` it takes the place of what waits about the same. */
  say(text: string, topic?: string): void {
    const mark = topic === undefined ? text : `${topic}\n`;
    this.#waiting = this.#waiting.filter((one) => one !== text && !(topic !== undefined && one.startsWith(mark)));
    this.#waiting.push(topic === undefined ? text : mark + text);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.#waiting.length === 0) return;
    const wait = this.#quietUntil - this.now();
    if (wait <= 0) return this.#flush();
    this.#planned = true;
    this.later(() => {
      this.#planned = false;
      this.#flush();
    }, wait);
  }

  #flush(): void {
    const texts = this.#waiting.map((one) => one.slice(one.indexOf('\n') + 1));
    this.#waiting = [];
    this.#quietUntil = this.now() + QUIET_MS;
    if (texts.length > 0) this.speak(texts.join('. '));
  }
}

function region(role: 'status' | 'alert'): (text: string) => void {
  let place: HTMLElement | null = null;
  return (text) => {
    if (place === null) {
      place = document.createElement('div');
      place.className = 'hidden-text';
      place.setAttribute('role', role);
      place.setAttribute('aria-live', role === 'alert' ? 'assertive' : 'polite');
      document.body.append(place);
    }
    place.textContent = text;
  };
}

const polite = new Speaker(
  region('status'),
  () => performance.now(),
  (run, ms) => setTimeout(run, ms),
);
const interrupt = region('alert');
const interrupted = new Set<string>();

/** Says something when it fits, at most every 5 seconds. With a `topic` only the newest of it is said. */
export function say(text: string, topic?: string): void {
  polite.say(text, topic);
}

/** Interrupts, once for each id: a question that waits for somebody. */
export function sayNow(id: string, text: string): void {
  if (interrupted.has(id)) return;
  interrupted.add(id);
  interrupt(text);
}
