/** A file on the disk, opened for an upload. */
export interface OpenFile {
    size: number;
    /** The base name. */
    name: string;
    /** SHA-256 of its content, in base64. */
    digest: string;
    /** Its bytes, from the beginning. */
    read(): AsyncIterable<Uint8Array>;
}
/** Opens a file; here there are none. */
export declare const openFile: ((path: string) => Promise<OpenFile>) | undefined;
