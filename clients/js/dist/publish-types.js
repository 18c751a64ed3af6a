/** Something went wrong while publishing. */
export class PublishProblem extends Error {
    kind;
    name = 'PublishProblem';
    constructor(kind, message, options) {
        super(message, options);
        this.kind = kind;
    }
}
/** The queue of a publisher is full. */
export class QueueFullError extends Error {
    name = 'QueueFullError';
}
