/**
 * What a link leads to. Rows say it by attributes: `data-test` has the key of a test, `data-step` the id of a step of
 * the test that is open, `data-line` a line of the log as `SEQ.LINE`.
 */
import type { Place } from './place-url.js';

/** What of an element decides. */
interface Marked {
  closest(selector: string): { getAttribute(name: string): string | null } | null;
}

/** Where a link to an element leads, and what that is in words. */
export function linkOf(element: Marked | null, here: Place): { to: Place; what: string } {
  const of = (name: string) => element?.closest(`[${name}]`)?.getAttribute(name) ?? null;
  const line = /^(\d+)(?:\.(\d+))?$/.exec(of('data-line') ?? '');
  if (line !== null)
    return { to: { ...here, line: { seq: Number(line[1]), line: Number(line[2] ?? 0) } }, what: 'this line' };
  const step = of('data-step');
  if (step !== null) return { to: { ...here, step, line: null }, what: 'this step' };
  const test = of('data-test');
  if (test !== null) {
    const attempt = test === here.test ? here.attempt : null;
    return { to: { ...here, test, attempt, step: null, line: null, view: 'run' }, what: 'this test' };
  }
  if (here.at !== null) return { to: here, what: 'this moment' };
  return { to: here, what: here.view === 'wall' ? 'the wall' : here.test === null ? 'the run' : 'this test' };
}
