/** A request got no response. */
export class TransportError extends Error {
    failure;
    name = 'TransportError';
    constructor(failure, message, options) {
        super(message, options);
        this.failure = failure;
    }
}
