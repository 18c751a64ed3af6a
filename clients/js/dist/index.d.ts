export { connect, type ConnectOptions, Runcast } from './client.js';
export { ApiError, ClosedError } from './errors.js';
export * from './generated.js';
export type { EventPage } from './messages.js';
export { Run } from './run.js';
export type { ScreenFrame } from './screen-frame.js';
export { TransportError, type TransportFailure } from './transport.js';
export { type Cursor, isEvent, isFinal, type PageQuery, type RunEvent, type RunQuery, type RunState, type RunSummary, type ScreenOptions, type TestQuery, type TestState, type WatchOptions, type WatchStatus, } from './types.js';
export { type StatusDetail, Watch, type WatchEventMap } from './watch.js';
