export { BuildTokenError, buildToken, type CiEnv } from './ci-token.js';
export { connect, Runcast } from './client.js';
export type { ConnectOptions } from './context-of.js';
export { CommandHandle, type CommandOptions, type CommandResult, type CommandStatus, type CommandTarget } from './command.js';
export { type ControlOptions, Lease } from './control.js';
export { ApiError, ClosedError } from './errors.js';
export * from './generated/index.js';
export type { EventPage } from './messages.js';
export { Publisher } from './publish.js';
export type { LiveTrace, TracePart } from './publish-frames.js';
export * from './publish-types.js';
export { Run } from './run.js';
export type { ScreenFrame } from './screen-frame.js';
export type { Token, TokenFunction } from './token.js';
export { TransportError, type TransportFailure } from './transport.js';
export {
  type ComparedTest,
  type Cursor,
  type HistoryTest,
  isEvent,
  isFinal,
  type PageQuery,
  type RunComparison,
  type RunEvent,
  type RunGroup,
  type RunHistory,
  type RunMeta,
  type RunQuery,
  type RunState,
  type RunSummary,
  type RunTimeline,
  type RunWord,
  type ScreenOptions,
  type SearchHit,
  type SearchQuery,
  type StateQuery,
  type TestHistory,
  type TestQuery,
  type TestResult,
  type TestState,
  type TimelineBin,
  type TimelineMark,
  type TimelineQuery,
  type WatchOptions,
  type WatchStatus,
} from './types.js';
export { type ConnectedDetail, type StatusDetail, Watch, type WatchEventMap } from './watch.js';
export { type Artifact, type UploadOptions } from './upload.js';
