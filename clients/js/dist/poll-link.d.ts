import { type Context } from './context.js';
import type { Link, LinkEvents } from './link.js';
import type { Position } from './position.js';
/** A link that asks for one page after the other: for networks that let no WebSocket through. It shows no screens. */
export declare class PollLink implements Link {
    #private;
    private readonly context;
    private readonly runId;
    private readonly position;
    private readonly events;
    readonly kind = "polling";
    readonly canPause = true;
    readonly base: string;
    constructor(context: Context, runId: string, position: Position, events: LinkEvents);
    pause(): void;
    resume(): void;
    send(): void;
    probe(): void;
    close(): void;
}
