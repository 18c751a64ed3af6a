/** Reads a binary message: 2 bytes with the length of the JSON header, the header, the image. Undefined: it is none. */
export function parseScreenFrame(data) {
    if (data.length < 2)
        return undefined;
    const end = 2 + ((data[0] << 8) | data[1]);
    if (end > data.length)
        return undefined;
    try {
        const header = JSON.parse(new TextDecoder().decode(data.subarray(2, end)));
        if (header.type !== 'frame')
            return undefined;
        return {
            stream: header.stream ?? 'main',
            contentType: header.contentType ?? 'application/octet-stream',
            width: header.width ?? null,
            height: header.height ?? null,
            testId: header.testId ?? null,
            timestamp: header.timestamp ?? '',
            bytes: data.subarray(end),
        };
    }
    catch {
        return undefined;
    }
}
