/**
 * Calls back when a browser's network is back, or its page is seen again, because timers and connections may have stood
 * still until then. Returns what ends it. Elsewhere nothing happens.
 */
export declare function onWake(callback: () => void): () => void;
