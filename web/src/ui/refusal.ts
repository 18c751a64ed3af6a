/** Why the server refused something, for people. */

/** A refusal: its code, and what it says as a sentence. */
export interface Refusal {
  code: string;
  text: string;
}

/** Reads an answer that is none of what was asked for. */
export async function refusalOf(answer: Response): Promise<Refusal> {
  const { code, detail } = (await answer.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
  const text = typeof detail === 'string' ? `The server says: ${detail}.` : `The server answered ${answer.status}.`;
  return { code: String(code), text };
}
