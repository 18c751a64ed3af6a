/** What a worker wants that asks, what it has tried, and the error that it can't get past. */
import type { Ask } from '../../model.js';
import { plain } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { Text } from '../../ui/text.js';

/** Attempts that are shown. */
const SHOWN = 5;

/** Whether there is any of it. */
export function hasFacts(ask: Ask): boolean {
  return ask.goal !== null || ask.attempts.length > 0 || ask.lastError !== null;
}

export function Facts({ ask }: { ask: Ask }) {
  const more = ask.attempts.length - SHOWN;
  return (
    <div class="ask-facts">
      {ask.goal === null ? null : (
        <div>
          <h3 class="ask-label">Goal</h3>
          <p dir="auto">{plain(ask.goal).slice(0, 1_000)}</p>
        </div>
      )}
      {ask.attempts.length === 0 ? null : (
        <div>
          <h3 class="ask-label">Tried</h3>
          <ul class="ask-tried">
            {ask.attempts.slice(0, SHOWN).map((attempt, index) => (
              <li key={index}>
                <Icon name="failed" size={12} />
                <Text of={attempt} class="mono" />
              </li>
            ))}
            {more > 0 ? <li class="dim">and {more} more</li> : null}
          </ul>
        </div>
      )}
      {ask.lastError === null ? null : (
        <div>
          <h3 class="ask-label">Last error</h3>
          <ErrorText of={ask.lastError} />
        </div>
      )}
    </div>
  );
}

function ErrorText({ of }: { of: string }) {
  const [first = '', ...rest] = plain(of).slice(0, 2_000).split('\n');
  return (
    <p class="ask-error mono">
      <span class="ask-error-first">{first}</span>
      {rest.slice(0, 4).map((line, index) => (
        <span key={index} class="dim">
          {line}
        </span>
      ))}
    </p>
  );
}
