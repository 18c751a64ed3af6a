/** The log's rows, and how the log on the page changes. */
import type { TestKey } from './run.js';

/** Text in one style. */
export interface Span {
  text: string;
  /** `0` to `15` or `#rrggbb`; missing: the default. */
  fg?: string;
  bg?: string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  /** `fg` and `bg` change places. */
  inverse?: boolean;
}

/** A row of the log: one line. */
export interface LogRow {
  /** Seq of its event, and which line of it. */
  seq: number;
  line: number;
  at: number;
  kind: 'log' | 'error' | 'test' | 'ask' | 'command' | 'status' | 'notice' | 'divider';
  /** Of boundaries of tests: the state whose icon is shown. */
  state?: string;
  slotLabel: string | null;
  test: TestKey | null;
  spans: Span[];
  /** How often a line of progress was written again, if it was. */
  updates?: number;
}

/** Which rows the log has. */
export type LogScope =
  | { of: 'run' }
  | { of: 'slot'; producer: string; slot: number }
  | { of: 'test'; key: TestKey };

/** How the log on the page changes. Rows are dropped, then added. */
export interface LogChange {
  /** Which log: the number of the request that chose it. Others are out of date. */
  log: number;
  reset?: boolean;
  dropFirst?: number;
  dropLast?: number;
  prepend?: LogRow[];
  append?: LogRow[];
  /** Whether there are rows before the first, or behind the last, that can be asked for. */
  earlier: boolean;
  later: boolean;
}
