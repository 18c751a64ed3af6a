/**
 * Signing in, where a server wants to know who looks: with the identity provider if there is one, or with a key. The browser
 * gets a cookie; the key is kept nowhere.
 */
import { useEffect, useState } from 'preact/hooks';

import { me, type Me } from './me.js';
import { refusalOf } from './refusal.js';

export function SignIn() {
  const [key, setKey] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState<Me['signIn']>(null);
  useEffect(() => {
    me()
      .then(({ signIn }) => setProvider(signIn ?? null))
      .catch(() => setProvider(null)); // a key is the other way
  }, []);
  const signIn = async () => {
    setBusy(true);
    const told = await trySignIn(key.trim());
    if (told === null) return location.reload();
    setRefusal(told);
    setBusy(false);
  };
  return (
    <form
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        void signIn();
      }}
    >
      {provider == null ? null : (
        <p class="sign-in-provider">
          <a class="button button-primary" href={`${provider.url}?${new URLSearchParams({ next: here() })}`}>
            Sign in with {provider.name}
          </a>
        </p>
      )}
      <label>
        Key
        <input
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          placeholder="rcast_…"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <button class="button" disabled={busy || key.trim() === ''}>
        Sign in
      </button>
      {refusal === null ? null : <p role="alert">{refusal}</p>}
    </form>
  );
}

/** This page, to come back to. */
function here(): string {
  return location.pathname + location.search + location.hash;
}

/** Why the server does not take the key; null: it does. */
async function trySignIn(key: string): Promise<string | null> {
  try {
    const answer = await fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    });
    return answer.ok ? null : (await refusalOf(answer)).text;
  } catch {
    return 'The server does not answer.';
  }
}
