/**
 * Calls back when a browser's network is back, or its page is seen again, because timers and connections may have stood
 * still until then. Returns what ends it. Elsewhere nothing happens.
 */
export function onWake(callback) {
    const scope = globalThis;
    const page = globalThis.document;
    const over = new AbortController();
    const options = { signal: over.signal };
    scope.addEventListener?.('online', callback, options);
    page?.addEventListener('visibilitychange', () => page.visibilityState === 'visible' && callback(), options);
    page?.addEventListener('resume', callback, options);
    return () => over.abort();
}
