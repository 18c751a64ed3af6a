import type { CommandEvent, Publisher, ReceivedCommand } from '@runcast/client';

/** What is not obeyed, and why. */
const CANNOT = 'no worker hook: the reporter alone can only end the whole run';

/** The requests that a producer answers. All else that it is told of is a notice. */
const REQUESTS = new Set([
  'cancel_requested',
  'pause_requested',
  'resume_requested',
  'hold_requested',
  'instructions_updated',
  'step_requested',
  'run_to_requested',
  'action_queued',
  'step_override_queued',
  'replay_step_requested',
]);

/** Does what people want of a run, as far as a reporter can: it ends the run as Ctrl-C would. */
export class Commands {
  /** Somebody wanted the run to end, and it was told to. */
  isCancelled = false;

  /** Takes a command. An act needs no claim for its refusal: the server takes the first report of it for one. */
  obey(publisher: Publisher, { event }: ReceivedCommand): void {
    const { type, commandId } = event;
    if (commandId === undefined || !REQUESTS.has(type)) return;
    if (type !== 'cancel_requested' || !isOfRun(event)) {
      publisher.report(commandId, 'rejected', { detail: CANNOT });
      return;
    }
    publisher.report(commandId, 'done');
    if (this.isCancelled) return;
    this.isCancelled = true;
    // The report leaves first: at the end of the run nothing else may be posted any more.
    setImmediate(() => process.emit('SIGINT'));
  }
}

/** Whether it is for all that this producer runs, and not for one test or worker. */
function isOfRun({ testId, target }: CommandEvent): boolean {
  const { testId: test, slot } = (target ?? {}) as Record<string, unknown>;
  return testId == null && test == null && slot == null;
}
