/** Who looks, as the server knows it, and how one can sign in. */

export interface Me {
  /** Missing: nobody is known. */
  name?: string;
  /** The identity provider, where there is one. */
  signIn?: { name: string; url: string } | null;
}

/** Asks the server. */
export async function me(): Promise<Me> {
  const answer = await fetch('/api/me');
  if (!answer.ok) throw new Error(`/api/me: ${answer.status}`);
  return (await answer.json()) as Me;
}
