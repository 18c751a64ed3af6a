/** The share links that exist, each with a button that takes it back. */
import { useState } from 'preact/hooks';

import { say } from '../../ui/announce.js';
import { ago, dateText } from '../../ui/format.js';
import { oneLine } from '../../ui/text.js';
import { ConfirmButton } from '../control/confirm.js';
import { mySubject } from '../rights.js';
import { clock } from '../store.js';
import { revokeShare, type ShareLink } from './shares.js';

export interface LinksProps {
  links: readonly ShareLink[];
  revoked: (id: string) => void;
}

export function Links({ links, revoked }: LinksProps) {
  const [fault, setFault] = useState<string | null>(null);
  const revoke = async ({ id, name }: ShareLink) => {
    try {
      await revokeShare(id);
      setFault(null);
      say(`${oneLine(name, 60)} is revoked`);
      revoked(id);
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  if (links.length === 0) return <p class="dim">No links yet.</p>;
  return (
    <>
      {fault === null ? null : <p role="alert" class="share-fault">{fault}</p>}
      <ul class="share-links">
        {links.map((link) => (
          <li key={link.id}>
            <span class="share-link-words">
              <strong>
                <bdi>{oneLine(link.name, 60)}</bdi>
              </strong>
              <span class="dim">{factsOf(link)}</span>
            </span>
            <ConfirmButton
              icon="close"
              tone="fail"
              label={`Revoke ${oneLine(link.name, 60)}`}
              sure="Sure?"
              onConfirm={() => void revoke(link)}
            >
              Revoke
            </ConfirmButton>
          </li>
        ))}
      </ul>
    </>
  );
}

/** `watch and steer · until Dec 4, 13:20 · used 3 min ago · made by key:ci`. */
function factsOf({ maySteer, expiresAt, usedAt, maker }: ShareLink): string {
  return [
    maySteer ? 'watch and steer' : 'watch',
    expiresAt === null ? 'does not expire' : `until ${dateText(expiresAt)}`,
    usedAt === null ? 'not used yet' : `used ${ago(usedAt, clock.value)}`,
    maker === mySubject() ? 'made by you' : `made by ${oneLine(maker, 40)}`,
  ].join(' · ');
}
