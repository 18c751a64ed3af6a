// Written by scripts/generate.mjs from docs/vocabulary.json.
/** The version of this package. */
export const VERSION = '0.1.0';
/** How the server closes a WebSocket; `code` is null where it only breaks the connection. */
export const CLOSE_CODES = [
    { code: 1000, reason: 'normal', reconnect: 'never', when: 'The client closed, or there is nothing more to send.' },
    { code: 1001, reason: 'going_away', reconnect: 'back_off', when: 'The node stops without having drained.' },
    { code: 1002, reason: 'protocol', reconnect: 'never', when: 'The client broke RFC 6455.' },
    { code: 1007, reason: 'invalid_text', reconnect: 'never', when: 'A text frame or a close reason of the client was not UTF-8.' },
    { code: 1008, reason: 'policy', reconnect: 'never', when: 'The client did what this server does not allow.' },
    { code: 1009, reason: 'too_large', reconnect: 'never', when: 'The client sent a larger frame or message than it may.' },
    { code: 1011, reason: 'internal', reconnect: 'back_off', when: 'The session failed.' },
    { code: 1012, reason: 'restart', reconnect: 'at_once', when: 'The node drains: come back at once, and meet another node or the new process.' },
    { code: 1013, reason: 'try_again', reconnect: 'back_off', when: 'The run\'s room failed and is built anew, or waits in quarantine.' },
    { code: 1013, reason: 'saturated', reconnect: 'back_off', when: 'The node has as many viewers, or holds as much for them, as it may.' },
    { code: 4401, reason: 'unauthorized', reconnect: 'never', when: 'The rights have ended: expired or revoked.' },
    { code: 4403, reason: 'forbidden', reconnect: 'never', when: 'Kept for later: no server sends it.' },
    { code: 4408, reason: 'no_pong', reconnect: 'back_off', when: 'The client answered no ping in time.' },
    { code: 4410, reason: 'gone', reconnect: 'never', when: 'The run expired or was deleted.' },
    { code: 4429, reason: 'too_many', reconnect: 'back_off', when: 'The client has as many connections as it may, or sends more than it may.' },
    { code: null, reason: 'stalled', reconnect: 'back_off', when: 'The client took no byte for too long; its socket was reset.' },
    { code: null, reason: 'left', reconnect: 'back_off', when: 'The client went without a close frame: its connection broke, or was dropped.' },
];
/** The statuses that end a run. */
export const FINAL_RUN_STATUSES = ['passed', 'failed', 'timedout', 'interrupted', 'cancelled', 'lost'];
/** The statuses that end an attempt at a test. */
export const FINAL_TEST_STATUSES = ['passed', 'failed', 'skipped', 'timedout', 'timedOut', 'interrupted'];
