/** Figures of this node: what comes in, what goes out, how late, and how full. */
import { bytes, count } from '../ui/format.js';
import { samples, stats } from './feed.js';
import { meanMs, quantileMs, rate, sum } from './figures.js';

const NOT_KNOWN = '–';

function perSecond(value: number | null): string {
  return value === null ? NOT_KNOWN : `${value < 10 ? value.toFixed(1) : count(Math.round(value))}/s`;
}

function ms(value: number | null): string {
  if (value === null) return NOT_KNOWN;
  return value === Infinity ? 'over 10 s' : value < 10 ? `${value.toFixed(1)} ms` : `${count(Math.round(value))} ms`;
}

export function Figures() {
  const taken = samples.value;
  if (taken === null) return null;
  const { before, now, secs } = taken;
  const everywhere = stats.value?.redisConnections;
  const here = sum(now, 'runcast_viewers') ?? 0;
  const held = ['ingest', 'response', 'outbox', 'screens'].map((name) => sum(now, `runcast_${name}_bytes`) ?? 0);
  const p99 = quantileMs(before, now, 'runcast_delivery_lag_seconds', 0.99);
  const figures: [string, string, string][] = [
    ['Viewers', count(here), everywhere == null ? 'on this node' : `on this node, ${count(everywhere)} on all`],
    ['Runs in use', count(sum(now, 'runcast_rooms') ?? 0), 'with a room on this node'],
    ['Events in', perSecond(rate(before, now, 'runcast_events_received_total', secs)), 'posted to this node'],
    ['Events out', perSecond(rate(before, now, 'runcast_events_delivered_total', secs)), 'to its viewers'],
    ['Behind', ms(p99), '99 of 100 deliveries, from the store to the socket'],
    ['Commit', ms(meanMs(before, now, 'runcast_journal_commit_seconds')), 'the journal’s, on average'],
    ['Fell behind', perSecond(rate(before, now, 'runcast_fell_behind_total', secs)), 'viewers that read again from the log'],
    ['In memory', bytes(held.reduce((all, one) => all + one, 0)), 'of bodies, answers, outboxes and screens'],
  ];
  return (
    <dl class="ops-figures">
      {figures.map(([name, value, about]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <strong>{value}</strong>
            <span class="dim">{about}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
