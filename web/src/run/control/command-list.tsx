/** The commands of the run, who gave them, and what became of them. */
import { ago, clockTime } from '../../ui/format.js';
import { Button } from '../../ui/button.js';
import { oneLine, Text } from '../../ui/text.js';
import { mySubject } from '../rights.js';
import { clock, head } from '../store.js';
import type { Command } from '../../model.js';
import { isOpen, listed, passedBy, standOf, wishOf } from './command-words.js';
import { give } from './give.js';

/** Commands that are shown. */
const SHOWN = 100;

export function CommandList({ can }: { can: boolean }) {
  const commands = listed(head.value?.commands ?? [], SHOWN);
  if (commands.length === 0) return <p class="dim drawer-empty">Nobody has steered this run yet.</p>;
  return (
    <ul class="commands" aria-label="Commands">
      {commands.map((command) => (
        <Row key={command.commandId} command={command} can={can} />
      ))}
    </ul>
  );
}

function Row({ command, can }: { command: Command; can: boolean }) {
  const { name, says } = wishOf(command);
  const now = clock.value;
  const open = isOpen(command.state);
  const mine = command.by.subject === mySubject() || head.value?.control.mine === true;
  return (
    <li class="command">
      <strong>{name}</strong>
      {says === null ? null : <Text of={says} class="command-says" />}
      <span class="command-by dim">
        <bdi>{oneLine(command.by.name, 40)}</bdi>, {ago(command.at, now)}
      </span>
      <span class="sentence-room" />
      {command.detail === null ? null : <Text of={command.detail} class="command-detail dim" />}
      <Way of={command} />
      {open && command.expiresAt !== null ? <span class="dim">{clockTime(command.expiresAt - now)} left</span> : null}
      {command.state === 'queued' && can ? (
        <Button
          kind="quiet"
          icon="close"
          label={`Withdraw ${name}`}
          disabled={!mine && head.value?.control.holder != null}
          onClick={() => void give('drawer', { type: 'withdraw', withdraws: command.commandId })}
        />
      ) : null}
    </li>
  );
}

/** How far it has come: `queued → accepted → done`. */
export function Way({ of }: { of: Pick<Command, 'state' | 'producer' | 'type'> }) {
  const stand = standOf(of);
  const passed = passedBy(of);
  return (
    <span class="way" data-tone={stand.tone}>
      {passed.map((word) => (
        <span key={word} class="way-passed" aria-hidden="true">
          {word} →{' '}
        </span>
      ))}
      <strong>{stand.word}</strong>
    </span>
  );
}
