import { command } from './command.js';
import { contextOf } from './context-of.js';
import { control } from './control.js';
import { Watch } from './watch.js';
export { ApiError, ClosedError } from './errors.js';
/** A run that is watched and steered: a part of `Run` that is small, for the server's own pages. */
export class Viewer {
    id;
    #context;
    constructor(options, id) {
        this.id = id;
        this.#context = contextOf(options);
    }
    /** As `run.watch()`. */
    watch(options) {
        return new Watch(this.#context, this.id, options);
    }
    /** As `run.command()`. */
    command(what, options) {
        return command(this.#context, this.id, what, options);
    }
    /** As `run.control()`. */
    control(options) {
        return control(this.#context, this.id, options);
    }
}
