/**
 * What the worker tells the page, and what the page asks of it. Times are milliseconds since 1970 by the server's clock,
 * durations milliseconds. Everything here is plain data: it is copied from one thread to the other.
 */
export type * from './model/log.js';
export type * from './model/messages.js';
export type * from './model/moment.js';
export type * from './model/run.js';
export type * from './model/test.js';
