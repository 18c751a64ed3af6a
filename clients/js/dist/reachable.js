/** Longest time without an answer, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** Whether the server at `base` answers an ordinary request now. What a proxy says while the server is away is no answer. */
export async function isReachable(context, base, path, token) {
    const headers = { 'runcast-client': context.clientName };
    if (token !== undefined)
        headers['authorization'] = `Bearer ${token}`;
    try {
        const answer = await context.transport.send({ method: 'GET', url: base + path, headers, timeoutMs: TIMEOUT_MS });
        await answer.bytes();
        return answer.status < 500;
    }
    catch {
        return false;
    }
}
