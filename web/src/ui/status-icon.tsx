/** The state of a test or a run: shape, colour and word. */
import type { Word } from '../model.js';
import { Icon } from './icons.js';
import { LOOKS, WORDS, type Shown } from './status.js';

export interface StatusIconProps {
  /** The state of a test, see `shownOf`; or the word of a run. */
  of: Shown | Word;
  size?: number;
  /** The word stands beside it, so that screen readers need not say it twice. */
  silent?: boolean;
}

export function StatusIcon({ of, size = 14, silent = false }: StatusIconProps) {
  const look = of in LOOKS ? LOOKS[of as Shown] : WORDS[of as Word];
  return (
    <span class="status-icon" data-tone={look.tone} title={silent ? undefined : look.word}>
      {silent ? <Icon name={look.icon} size={size} /> : <Icon name={look.icon} size={size} label={look.word} />}
    </span>
  );
}
