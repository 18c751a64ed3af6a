/** Control of a run, as {@link SimpleFold} needs it: questions, pause, lease, commands, producers. */
import { COMMAND_TYPES } from './command-words.js';
import { type Members, membersOf, type RunEvent, textOf } from './read.js';
import type { RunState } from './state.js';

type View = Required<Pick<RunState, 'asks' | 'commands' | 'producers' | 'control'>> & Pick<RunState, 'paused'>;

const NONE: View = { asks: [], commands: [], producers: [], control: { lease: null, holder: null, since: null }, paused: null };
const ENDS = new Set(['done', 'failed', 'rejected', 'expired', 'withdrawn', 'interrupted', 'superseded']);
const AT_ONCE = new Set(['ask_answered', 'ask_extended', 'command_withdrawn', 'control_taken', 'control_released']);

export class ControlFold {
  #view: View = NONE;

  static of({ asks = [], commands = [], producers = [], control = NONE.control, paused = null }: RunState): ControlFold {
    const fold = new ControlFold();
    fold.#view = { asks, commands, producers, control, paused };
    return fold;
  }

  fork(): ControlFold {
    const fork = new ControlFold();
    fork.#view = this.#view;
    return fork;
  }

  view(): View {
    return this.#view;
  }

  variantOf(producer: string | null): string | null {
    return textOf(this.#view.producers.find((one) => one['producer'] === producer)?.['variant']);
  }

  take(event: RunEvent): void {
    const view = (this.#view = { ...this.#view });
    const at = textOf(event['at']) ?? textOf(event['timestamp']) ?? '';
    const cursor = `0:${event.seq}`;
    const by = membersOf(event['by']) as never;
    const { askId } = event;
    if (COMMAND_TYPES.has(event.type) && typeof event['commandId'] === 'string') {
      const type = event.type.replace(/_(requested|queued)$/, '');
      const state = AT_ONCE.has(event.type) ? 'done' : 'queued';
      view.commands = [...view.commands, { commandId: event['commandId'], type, state, cursor, at, by, event }].slice(-60);
    }
    switch (event.type) {
      case 'ai_stuck':
        if (event['stale'] === true) break;
        view.asks = [...view.asks, { ...event, cursor, at, producer: event['producer'], event, secret: event['needs'] === 'credential' }];
        break;
      case 'ask_answered':
      case 'ask_expired':
        view.asks = view.asks.filter((ask) => ask['askId'] !== askId);
        break;
      case 'ask_extended':
        view.asks = view.asks.map((ask) => (ask['askId'] === askId ? { ...ask, expiresAt: event['expiresAt'] } : ask));
        break;
      case 'pause_requested':
        view.paused ??= { since: at, until: textOf(event['expiresAt']) ?? at, by };
        break;
      case 'resume_requested':
        view.paused = null;
        break;
      case 'control_taken':
        view.control = { lease: cursor, holder: by, since: at };
        break;
      case 'control_released':
      case 'control_reset':
        view.control = NONE.control;
        break;
      case 'command_expired':
      case 'command_status':
        view.commands = view.commands.map((command) => reported(command, event));
        break;
      case 'worker': {
        const { producer, state, variant, shard, can } = event;
        const others = view.producers.filter((one) => one['producer'] !== producer);
        const known = view.producers.find((one) => one['producer'] === producer) ?? {};
        view.producers = [...others, { ...known, producer, state, ...(state === 'joined' && { variant, shard, can }) }];
        break;
      }
      case 'producer_status':
        view.producers = view.producers.map((one) =>
          one['producer'] === event['producer'] ? { ...one, state: event['status'] === 'back' ? 'joined' : event['status'] } : one,
        );
        break;
      case 'run_status':
        if (['passed', 'failed', 'cancelled', 'timedout', 'interrupted', 'lost'].includes(String(event['status']))) {
          view.asks = [];
          view.paused = null;
        }
    }
  }
}

function reported(command: Members, event: RunEvent): Members {
  if (command['commandId'] !== event['commandId'] || ENDS.has(String(command['state']))) return command;
  const state = event.type === 'command_expired' ? 'expired' : event['status'];
  return { ...command, state, detail: event['detail'] ?? null, result: event['result'] ?? null };
}
