/** The link to what one sees, with as much of it as one wants. Pure. */
import type { Place } from '../place.js';

/** What a link may lead to, besides the run. */
export type Part = 'test' | 'step' | 'line' | 'at' | 'words';

/** The parts of a place that there are. */
export function partsOf(place: Place): Part[] {
  const parts: Part[] = [];
  if (place.test !== null) parts.push('test');
  if (place.test !== null && place.step !== null) parts.push('step');
  if (place.line !== null) parts.push('line');
  if (place.at !== null) parts.push('at');
  if (place.words !== '') parts.push('words');
  return parts;
}

/** The place with some of its parts alone. A step needs its test. */
export function placeWith(place: Place, parts: ReadonlySet<Part>): Place {
  const test = parts.has('test') ? place.test : null;
  return {
    ...place,
    test,
    attempt: test === null ? null : place.attempt,
    step: test !== null && parts.has('step') ? place.step : null,
    line: parts.has('line') ? place.line : null,
    at: parts.has('at') ? place.at : null,
    words: parts.has('words') ? place.words : '',
  };
}

/** Whether a host is that of the machine that asks: a link with it leads nobody else there. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return host === 'localhost' || host.endsWith('.localhost') || /^127\.\d+\.\d+\.\d+$/.test(host) || host === '::1' || host === '0.0.0.0';
}
