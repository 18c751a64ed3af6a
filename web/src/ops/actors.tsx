/** What runs in this node. */
import { bytes, count } from '../ui/format.js';
import { actors } from './feed.js';
import { Table } from './table.js';

export function ActorsTable() {
  const told = actors.value;
  if (told === null) return null;
  const threads = told.threads.flatMap((thread, index) => thread.map((actor) => ({ ...actor, name: `${actor.name} ${index}` })));
  const all = [...told.supervisor, ...threads];
  const bad = (actor: { restarts: number; state: string }) => actor.restarts > 0 || actor.state !== 'running';
  // What was restarted, or does not run, is what one looks for.
  all.sort((one, other) => Number(bad(other)) - Number(bad(one)));
  return (
    <Table
      title={`Actors ${count(Object.values(told.living).reduce((sum, one) => sum + one, 0))}`}
      columns={['Actor', 'State', 'Restarts', 'Waiting', 'Last exit']}
      rows={all.map((actor) => [actor.name, actor.state, count(actor.restarts), count(actor.pending), actor.lastExit ?? ''])}
      tones={all.map((actor) => (bad(actor) ? 'fail' : null))}
    />
  );
}

export function RoomsTable() {
  const rooms = actors.value?.rooms;
  if (rooms === undefined) return null;
  return (
    <Table
      title={rooms.length >= 100 ? 'Rooms, the first 100' : `Rooms ${count(rooms.length)}`}
      columns={['Run', 'State', 'Viewers', 'Holds']}
      rows={rooms.map((room) => [
        { text: room.run, href: `/runs/${encodeURIComponent(room.run)}` },
        room.lastExit === null ? room.state : `${room.state}: ${room.lastExit}`,
        count(room.viewers),
        bytes(room.heldBytes),
      ])}
      tones={rooms.map((room) => (room.state === 'running' ? null : 'fail'))}
      none="No run is in use."
    />
  );
}
