// Written by scripts/generate.mjs from docs/vocabulary.json.

/** What every event has. */
export interface EventBase {
  /** Its number in the run: strictly consecutive, from 1. */
  seq: number;
  type: string;
  /** When it happened, by its producer's clock; or when it was stored. */
  timestamp: string;
  /** Who posted it, in the types into which the server writes it. */
  producer?: string;
  /** When it was stored, in the types into which the server writes it. */
  at?: string;
  [member: string]: unknown;
}

/** What every event of a command has. */
export interface CommandEventBase extends EventBase {
  /** The command's id. */
  commandId: string;
  /** Who wants it. */
  by: {
    /** Who that is, the same at each request. */
    subject: string;
    /** The name for people. */
    name: string;
    /** What it is. */
    kind: 'human' | 'agent' | 'server';
    /** The way that it came. */
    via: 'ws' | 'http' | 'mcp' | 'server';
    /** Whether the server knows that it is so. */
    verified: boolean;
    [member: string]: unknown;
  };
  /** The lease under which it was wanted. */
  lease?: string | null;
  /** What has to be so; whoever obeys looks again. */
  expect?: Record<string, unknown> | null;
  /** Recognises a repeat of the command: of its content, without `lease`. */
  digest?: string | null;
}
