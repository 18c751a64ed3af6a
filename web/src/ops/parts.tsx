/** What the node depends on, what is wrong in words, and the other nodes. */
import { clockTime, count } from '../ui/format.js';
import { away, ready, stats } from './feed.js';
import { Table } from './table.js';

const PARTS: Record<string, { name: string; without: string }> = {
  journal: { name: 'Journal', without: 'posts are refused with 503 and repeated by their senders; viewers stay' },
  catalog: { name: 'Catalog', without: 'the list of runs stands still; runs themselves go on' },
  objects: { name: 'Artifacts', without: 'uploads and downloads are refused with 503; events go on' },
  doorbell: { name: 'Doorbell', without: 'events of other nodes come late' },
};

/** Sentences, the worst first. Nothing where all is well. */
export function Wrong() {
  if (away.value !== null) {
    return <p class="ops-wrong">The server does not answer: {away.value}. It is asked again every five seconds.</p>;
  }
  const told = ready.value;
  if (told === null) return null;
  const down = Object.entries(told.dependencies).filter(([, part]) => part.status === 'down');
  const sentences = [
    ...down.map(([key, part]) => {
      const known = PARTS[key];
      return `${known?.name ?? key} is away (${part.detail ?? 'no reason given'}): ${known?.without ?? 'see the log'}.`;
    }),
    ...told.warnings,
  ];
  if (stats.value?.othersUnknown) sentences.push(`The other nodes are not known: ${stats.value.othersUnknown}.`);
  if (sentences.length === 0) return <p class="dim">Nothing is wrong.</p>;
  return (
    <ul class="ops-wrong">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

export function PartsTable() {
  const parts = Object.entries(ready.value?.dependencies ?? {});
  const says = (status: string) => (status === 'none' ? 'not used' : status === 'ok' ? 'answers' : 'away');
  return (
    <Table
      title="Parts"
      columns={['Part', 'State', 'Detail']}
      rows={parts.map(([key, part]) => [PARTS[key]?.name ?? key, says(part.status), part.detail ?? ''])}
      tones={parts.map(([, part]) => (part.status === 'down' ? 'fail' : null))}
    />
  );
}

export function NodesTable() {
  const told = stats.value;
  if (told === null) return null;
  return (
    <Table
      title={`Nodes ${count(told.nodes.length)}`}
      columns={['Node', 'Viewers', 'Runs', 'Up']}
      numbers
      rows={told.nodes.map((node) => [
        node.serverId === told.serverId ? `${node.serverId} (this one)` : node.serverId,
        count(node.connections),
        count(node.activeRuns),
        clockTime(node.uptime * 1_000),
      ])}
    />
  );
}
