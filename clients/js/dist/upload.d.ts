import { type Context } from './context.js';
import type { ArtifactKind } from './generated/index.js';
/** How a file is uploaded. */
export interface UploadOptions {
    /** The artifact's name; missing: that of the file. */
    name?: string;
    /** Missing: guessed from the name. */
    kind?: ArtifactKind;
    /** Missing: the Blob's, else guessed from the name. */
    contentType?: string;
    /** The id of the test that it belongs to. */
    test?: string;
    signal?: AbortSignal;
    /** How many bytes have been sent, of how many; it begins anew when a connection broke. */
    onProgress?(sent: number, size: number): void;
}
/** A file that a run left behind. */
export interface Artifact {
    artifactId: string;
    runId: string;
    name: string;
    kind: ArtifactKind;
    contentType: string;
    test: string | null;
    size: number;
    /** Bytes that are stored of it, and how much less that is. */
    storedSize: number;
    savedPercent: number;
    sha256: string;
    state: string;
    downloadUrl: string;
    traceUrl?: string | null;
    [member: string]: unknown;
}
/**
 * Uploads a file: a Blob, bytes, or in Node.js the path of a file. A connection that breaks is no matter: the upload is
 * repeated, and stored once. Throws an `ApiError` for a refusal.
 */
export declare function upload(context: Context, runId: string, file: Blob | Uint8Array | string, options?: UploadOptions): Promise<Artifact>;
