export { connect, Runcast } from './client.js';
export { ApiError, ClosedError } from './errors.js';
export * from './generated.js';
export { Run } from './run.js';
export { TransportError } from './transport.js';
export { isEvent, isFinal, } from './types.js';
export { Watch } from './watch.js';
