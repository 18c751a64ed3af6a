// The queue of attachments, and the errors of the very client that it knows.
export { ApiError, TransportError } from '@runcast/client';

export { Uploads } from '../../src/attachments/uploads.js';
