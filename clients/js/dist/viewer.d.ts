import { type CommandHandle, type CommandOptions } from './command.js';
import { type ConnectOptions } from './context-of.js';
import { type ControlOptions, type Lease } from './control.js';
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
export declare class Viewer {
    #private;
    readonly id: string;
    constructor(options: ConnectOptions, id: string);
    /** As `run.watch()`. */
    watch(options?: WatchOptions): Watch;
    /** As `run.command()`. */
    command(what: Command, options?: CommandOptions): Promise<CommandHandle>;
    /** As `run.control()`. */
    control(options?: ControlOptions): Promise<Lease>;
}
