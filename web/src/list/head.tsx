/** The bar at the top of the list, and whether it is live. */
import { timeOfDay } from '../ui/format.js';
import { may } from '../ui/rights.js';
import { Bell } from './bell.js';
import { live, loaded, now } from './store.js';

export function Head() {
  return (
    <header class="list-top">
      <a class="list-brand" href="/">
        runcast
      </a>
      <nav class="list-nav" aria-label="Pages">
        <a href="/" aria-current="page">
          Runs
        </a>
        {may('ops') ? <a href="/ops">Ops</a> : null}
      </nav>
      <Live />
      <Bell />
    </header>
  );
}

function Live() {
  const { awaySince, by } = live.value;
  if (awaySince !== null) {
    return (
      <p class="list-live list-away" role="status">
        <span class="list-dot" aria-hidden="true" />
        <strong>Not live</strong> <span class="dim">no answer from the server since {timeOfDay(awaySince, true)}</span>
      </p>
    );
  }
  if (!loaded.value) return <p class="list-live" />;
  const runs = now.value;
  return (
    <p class="list-live">
      <span class="list-dot" aria-hidden="true" />
      <strong>Live</strong>{' '}
      <span class="dim" title={by === 'polling' ? 'Asked anew each 3 seconds' : undefined}>
        {runs === 0 ? 'no run now' : `${runs.toLocaleString('en')} ${runs === 1 ? 'run' : 'runs'} now`}
      </span>
    </p>
  );
}
