import { FINAL_RUN_STATUSES } from './generated/index.js';
/** Whether an event is of a type that means something to the server, with the members of that type. */
export function isEvent(event, type) {
    return event.type === type;
}
/** Whether a status ends a run. */
export function isFinal(status) {
    return FINAL_RUN_STATUSES.includes(status ?? '');
}
