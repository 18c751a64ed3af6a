import type { Context } from './context.js';
/** Whether the server at `base` answers an ordinary request now. What a proxy says while the server is away is no answer. */
export declare function isReachable(context: Context, base: string, path: string, token: string | undefined): Promise<boolean>;
