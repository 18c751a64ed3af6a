/** The version of this package. */
export declare const VERSION = "0.1.0";
/** How the server closes a WebSocket; `code` is null where it only breaks the connection. */
export declare const CLOSE_CODES: readonly [{
    readonly code: 1000;
    readonly reason: 'normal';
    readonly reconnect: 'never';
    readonly when: 'The client closed, or there is nothing more to send.';
}, {
    readonly code: 1001;
    readonly reason: 'going_away';
    readonly reconnect: 'back_off';
    readonly when: 'The node stops without having drained.';
}, {
    readonly code: 1002;
    readonly reason: 'protocol';
    readonly reconnect: 'never';
    readonly when: 'The client broke RFC 6455.';
}, {
    readonly code: 1007;
    readonly reason: 'invalid_text';
    readonly reconnect: 'never';
    readonly when: 'A text frame or a close reason of the client was not UTF-8.';
}, {
    readonly code: 1008;
    readonly reason: 'policy';
    readonly reconnect: 'never';
    readonly when: 'The client did what this server does not allow.';
}, {
    readonly code: 1009;
    readonly reason: 'too_large';
    readonly reconnect: 'never';
    readonly when: 'The client sent a larger frame or message than it may.';
}, {
    readonly code: 1011;
    readonly reason: 'internal';
    readonly reconnect: 'back_off';
    readonly when: 'The session failed.';
}, {
    readonly code: 1012;
    readonly reason: 'restart';
    readonly reconnect: 'at_once';
    readonly when: 'The node drains: come back at once, and meet another node or the new process.';
}, {
    readonly code: 1013;
    readonly reason: 'try_again';
    readonly reconnect: 'back_off';
    readonly when: 'The run\'s room failed and is built anew, or waits in quarantine.';
}, {
    readonly code: 1013;
    readonly reason: 'saturated';
    readonly reconnect: 'back_off';
    readonly when: 'The node has as many viewers, or holds as much for them, as it may.';
}, {
    readonly code: 4401;
    readonly reason: 'unauthorized';
    readonly reconnect: 'never';
    readonly when: 'The rights have ended: expired or revoked.';
}, {
    readonly code: 4403;
    readonly reason: 'forbidden';
    readonly reconnect: 'never';
    readonly when: 'Kept for later: no server sends it.';
}, {
    readonly code: 4408;
    readonly reason: 'no_pong';
    readonly reconnect: 'back_off';
    readonly when: 'The client answered no ping in time.';
}, {
    readonly code: 4410;
    readonly reason: 'gone';
    readonly reconnect: 'never';
    readonly when: 'The run expired or was deleted.';
}, {
    readonly code: 4429;
    readonly reason: 'too_many';
    readonly reconnect: 'back_off';
    readonly when: 'The client has as many connections as it may, or sends more than it may.';
}, {
    readonly code: null;
    readonly reason: 'stalled';
    readonly reconnect: 'back_off';
    readonly when: 'The client took no byte for too long; its socket was reset.';
}, {
    readonly code: null;
    readonly reason: 'left';
    readonly reconnect: 'back_off';
    readonly when: 'The client went without a close frame: its connection broke, or was dropped.';
}];
export type RunStatus = 'queued' | 'running' | 'paused' | 'failing' | 'passed' | 'failed' | 'timedout' | 'interrupted' | 'cancelled' | 'stalled' | 'lost';
/** The statuses that end a run. */
export declare const FINAL_RUN_STATUSES: readonly string[];
export type TestStatus = 'pending' | 'queued' | 'running' | 'passed' | 'failed' | 'skipped' | 'timedout' | 'timedOut' | 'interrupted';
/** The statuses that end an attempt at a test. */
export declare const FINAL_TEST_STATUSES: readonly string[];
export type ArtifactKind = 'trace' | 'video' | 'screenshot' | 'log' | 'report' | 'other';
