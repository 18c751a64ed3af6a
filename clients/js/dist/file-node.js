import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
/** Opens a file, and reads it once for its digest. */
export const openFile = async (path) => {
    const hash = createHash('sha256');
    let size = 0;
    for await (const part of createReadStream(path)) {
        hash.update(part);
        size += part.length;
    }
    return { size, name: basename(path), digest: hash.digest('base64'), read: () => first(path, size) };
};
/** The first `size` bytes of a file: it may have grown since it was opened. */
async function* first(path, size) {
    if (size > 0)
        yield* createReadStream(path, { end: size - 1, highWaterMark: 256 * 1024 });
}
