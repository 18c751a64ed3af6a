import { type HttpRequest, type HttpResponse, type Transport, TransportError } from './transport.js';

/** Longest time without an answer, unless the request says otherwise, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** Bytes a millisecond below which an upload is given up: `fetch` does not tell how far it is. */
const SLOWEST_UPLOAD = 32;

/** The transport of browsers and workers. */
export function createTransport(): Transport {
  return fetchTransport((input, init) => globalThis.fetch(input, init));
}

/** Sends requests with a `fetch`. */
export function fetchTransport(send: typeof fetch): Transport {
  return { send: (request) => exchange(send, request) };
}

async function exchange(send: typeof fetch, request: HttpRequest): Promise<HttpResponse> {
  const { method, url, headers = {}, body, signal, timeoutMs = TIMEOUT_MS } = request;
  const host = new URL(url).host;
  const stop = new AbortController();
  const aborted = () => stop.abort(signal?.reason);
  if (signal?.aborted === true) throw signal.reason;
  signal?.addEventListener('abort', aborted, { once: true });
  const whole = body === undefined ? undefined : await bodyOf(body);
  const limitMs = timeoutMs + sizeOf(whole) / SLOWEST_UPLOAD;
  const late = new TransportError('timeout', `${host} did not answer within ${Math.round(limitMs / 1000)} s`);
  const timer = setTimeout(() => stop.abort(late), limitMs);
  const over = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  };
  const explained = (error: unknown) => {
    over();
    if (stop.signal.aborted) return stop.signal.reason as unknown;
    // `fetch` does not tell names, certificates and refusals apart.
    const why = error instanceof Error ? error.message : String(error);
    return new TransportError('unreachable', `${host} can't be reached: ${why}`, { cause: error });
  };
  try {
    const options = { method, headers, signal: stop.signal };
    const response = await send(url, whole === undefined ? options : { ...options, body: whole });
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      bytes: async () => {
        try {
          return new Uint8Array(await response.arrayBuffer());
        } catch (error) {
          throw explained(error);
        } finally {
          over();
        }
      },
    };
  } catch (error) {
    throw explained(error);
  }
}

/** `fetch` of browsers takes no stream as a body everywhere, so a stream is read first. */
async function bodyOf(body: NonNullable<HttpRequest['body']>): Promise<string | Blob | Uint8Array<ArrayBuffer>> {
  if (typeof body === 'string' || body instanceof Blob) return body;
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  const parts: BlobPart[] = [];
  for await (const part of body) parts.push(part as Uint8Array<ArrayBuffer>);
  return new Blob(parts);
}

function sizeOf(body: string | Blob | Uint8Array | undefined): number {
  if (body === undefined) return 0;
  return body instanceof Blob ? body.size : body.length;
}
