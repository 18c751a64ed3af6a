/** Who looks, as the server knows it, what they may do, and how one can sign in. */

/** A server that has not answered within so long, in milliseconds, does not answer. */
const PATIENCE_MS = 10_000;

export interface Me {
  /** `token`: credentials are needed. */
  mode?: string;
  /** Missing: nobody is known. */
  name?: string;
  /** They came by a share link. */
  isGuest?: boolean;
  /** What each credential of this browser permits. */
  grants?: readonly ToldGrant[];
  /** The identity provider, where there is one. */
  signIn?: { name: string; url: string } | null;
}

/** What one credential permits, in the server's words. */
export interface ToldGrant {
  subject: string;
  name: string;
  scopes: readonly string[];
  runs: readonly string[];
  expiresAt?: string | null;
  isGuest: boolean;
}

/** Asks the server. */
export async function me(): Promise<Me> {
  const answer = await fetch('/api/me', { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`/api/me: ${answer.status}`);
  return (await answer.json()) as Me;
}
