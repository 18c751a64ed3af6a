/** Who one is to others, kept in this browser: a name, and an id by which the server knows whoever gives none. */
import { signal } from '@preact/signals';

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is off: it lasts as long as the page
  }
}

/** Keeps a setting in this browser. */
export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // as above
  }
}

/** A setting that was kept. */
export const setting = kept;

function newId(): string {
  const id = crypto.getRandomValues(new Uint8Array(16)).reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');
  keep('runcast-client', id);
  return id;
}

export const who = {
  name: signal(new URLSearchParams(location.search).get('userId') ?? kept('runcast-user') ?? ''),
  clientId: kept('runcast-client') ?? newId(),
};
