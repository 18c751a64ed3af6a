import { command, type CommandHandle, type CommandOptions } from './command.js';
import { type ConnectOptions, contextOf } from './context-of.js';
import { control, type ControlOptions, type Lease } from './control.js';
import type { FollowContext } from './follower.js';
import type { Command } from './generated/index.js';
import type { WatchOptions } from './types.js';
import { Watch } from './watch.js';

export { ApiError, ClosedError } from './errors.js';
export type { CommandOptions } from './command.js';
export type { Lease } from './control.js';
export type { ScreenFrame } from './screen-frame.js';
export type { RunEvent } from './types.js';
export type { Watch } from './watch.js';

/** A run that is watched and steered: a part of `Run` that is small, for the server's own pages. */
export class Viewer {
  readonly #context: FollowContext;

  constructor(
    options: ConnectOptions,
    readonly id: string,
  ) {
    this.#context = contextOf(options);
  }

  /** As `run.watch()`. */
  watch(options?: WatchOptions): Watch {
    return new Watch(this.#context, this.id, options);
  }

  /** As `run.command()`. */
  command(what: Command, options?: CommandOptions): Promise<CommandHandle> {
    return command(this.#context, this.id, what, options);
  }

  /** As `run.control()`. */
  control(options?: ControlOptions): Promise<Lease> {
    return control(this.#context, this.id, options);
  }
}
