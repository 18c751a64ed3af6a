const open = new Set();
function nodeProcess() {
    const found = globalThis.process;
    return found?.versions?.node === undefined ? undefined : found;
}
const beforeExit = () => open.forEach((each) => each.beforeExit());
const exit = () => open.forEach((each) => each.exit());
/** Calls it when the Node.js process ends, until the function is called that is returned. */
export function atExit(exiting) {
    const process = nodeProcess();
    if (process === undefined)
        return () => { };
    if (open.size === 0)
        process.on('beforeExit', beforeExit).on('exit', exit);
    open.add(exiting);
    return () => {
        if (open.delete(exiting) && open.size === 0)
            process.off('beforeExit', beforeExit).off('exit', exit);
    };
}
/** A timer that keeps no process alive. */
export function setQuietTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    timer.unref?.();
    return timer;
}
/** Keeps the process alive until the function is called that is returned. */
export function keepAlive() {
    const timer = setInterval(() => { }, 1 << 30);
    return () => clearInterval(timer);
}
/** Waits, and keeps no process alive; ends early when the signal aborts. */
export function quietSleep(ms, signal) {
    return new Promise((resolve) => {
        if (signal.aborted)
            return resolve();
        const end = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', end);
            resolve();
        };
        const timer = setQuietTimeout(end, ms);
        signal.addEventListener('abort', end, { once: true });
    });
}
