/** The share links of the run: made, listed and revoked at the server. */
import { refusalOf } from '../../ui/refusal.js';
import { noteRefusal, runId } from '../rights.js';

/** A link that exists. Its secret is told when it is made, and never again. */
export interface ShareLink {
  id: string;
  name: string;
  /** The subject of whoever made it. */
  maker: string;
  maySteer: boolean;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
  usedAt: number | null;
}

/** What a link is to be. */
export interface Wanted {
  control: boolean;
  days: number;
  /** Empty: the server's own. */
  name: string;
}

/** Days that the server takes. */
export const MOST_DAYS = 365;
/** Links that are asked for. */
const MOST = 200;

interface Row {
  id: string;
  name: string;
  maker: string;
  scopes: string[];
  expiresAt: string | null;
  usedAt: string | null;
  isGood: boolean;
}

const path = `/api/runs/${encodeURIComponent(runId)}/shares`;

/** The links that are good, the newest as the server has it. Rejects with words for people, as the others do. */
export async function listShares(): Promise<ShareLink[]> {
  const { shares } = (await ask('GET', path + `?limit=${MOST}`)) as { shares: Row[] };
  return shares.filter(({ isGood }) => isGood).map(linkOf);
}

/** Makes a link. Resolves to its URL, with the secret in it. */
export async function makeShare({ control, days, name }: Wanted): Promise<{ url: string; link: ShareLink }> {
  const wanted = { control, days, ...(name !== '' && { name }) };
  const { url, share } = (await ask('POST', path, wanted)) as { url: string; share: Row };
  return { url, link: linkOf(share) };
}

/** Whoever has the link is refused from now on. */
export async function revokeShare(id: string): Promise<void> {
  await ask('DELETE', `${path}/${encodeURIComponent(id)}`);
}

function linkOf({ id, name, maker, scopes, expiresAt, usedAt }: Row): ShareLink {
  const at = (time: string | null) => (time === null ? null : Date.parse(time));
  return { id, name, maker, maySteer: scopes.includes('control'), expiresAt: at(expiresAt), usedAt: at(usedAt) };
}

async function ask(method: string, url: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  let answer: Response;
  try {
    answer = await fetch(url, { method, ...init });
  } catch {
    throw new Error('The server does not answer. Try again.');
  }
  if (answer.ok) return answer.status === 204 ? {} : answer.json();
  const { code, text } = await refusalOf(answer);
  noteRefusal(code);
  throw new Error(text);
}
