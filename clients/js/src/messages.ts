/** The server's own messages on a live connection, as far as a watch acts on them. */
export interface ConnectedMessage {
  type: 'connected';
  runId: string;
  sessionId: string;
  nodeId: string;
  /** The server's time; pages of events have none. */
  timestamp?: string;
  epoch: string | null;
  from: number;
  tip: number;
  cursor: string;
  heartbeatSecs: number;
}

export interface GapMessage {
  type: 'gap';
  from: number;
  to: number;
  reason: string;
  cursor: string;
}

export interface ResetMessage {
  type: 'reset';
  epoch: string | null;
  from: number;
  cursor: string;
}

export interface EpochMessage {
  type: 'epoch';
  epoch: string;
  cursor: string;
}

/** The node stops. */
export interface DrainingMessage {
  type: 'draining';
  reconnectAfterMs?: number;
}

/** The rights of the connection end: another credential is to be asked for, and the next connection opened with it. */
export interface ExpiringMessage {
  type: 'expiring';
  inSecs: number;
  reconnectAfterMs?: number;
}

export interface ErrorMessage {
  type: 'error';
  code: string;
  error: string;
  reconnectAfterMs?: number;
}

export type ServerMessage =
  | ConnectedMessage
  | GapMessage
  | ResetMessage
  | EpochMessage
  | DrainingMessage
  | ExpiringMessage
  | ErrorMessage
  | { type: 'pong' }
  | { type: 'command' };

/** A page of events, as `GET /api/runs/{runId}/events` answers. */
export interface EventPage<E> {
  runId: string;
  epoch: string | null;
  events: E[];
  cursor: string;
  tip: number;
  more: boolean;
  /** Only of a page with `before`: what the next page back is asked for with; null at the beginning. */
  before?: number | null;
  gap: { from: number; to: number } | null;
  reset: { from: number } | null;
  firstAvailable: number;
}
