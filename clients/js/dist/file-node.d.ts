import type { OpenFile } from './file-none.js';
/** Opens a file, and reads it once for its digest. */
export declare const openFile: ((path: string) => Promise<OpenFile>) | undefined;
