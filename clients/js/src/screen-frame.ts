/** A picture of a screen under test. The newest of a stream replaces the one before. */
export interface ScreenFrame {
  /** The stream that it belongs to: `main`, or a name that the producer gave. */
  readonly stream: string;
  /** `image/jpeg`, `image/png` or `image/webp`. */
  readonly contentType: string;
  /** In pixels, if the producer said so. */
  readonly width: number | null;
  readonly height: number | null;
  /** The test that it shows, if the producer said so. */
  readonly testId: string | null;
  /** When the server got it. */
  readonly timestamp: string;
  /** The image. */
  readonly bytes: Uint8Array;
}

/** Reads a binary message: 2 bytes with the length of the JSON header, the header, the image. Undefined: it is none. */
export function parseScreenFrame(data: Uint8Array): ScreenFrame | undefined {
  if (data.length < 2) return undefined;
  const end = 2 + (((data[0] as number) << 8) | (data[1] as number));
  if (end > data.length) return undefined;
  try {
    const header = JSON.parse(new TextDecoder().decode(data.subarray(2, end))) as Partial<ScreenFrame> & { type?: string };
    if (header.type !== 'frame') return undefined;
    return {
      stream: header.stream ?? 'main',
      contentType: header.contentType ?? 'application/octet-stream',
      width: header.width ?? null,
      height: header.height ?? null,
      testId: header.testId ?? null,
      timestamp: header.timestamp ?? '',
      bytes: data.subarray(end),
    };
  } catch {
    return undefined;
  }
}
