/** A box that opens below its button. It is not modal: what is beside it can be used, and closes it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { Icon, type IconName } from '../../ui/icons.js';

export interface PopoverProps {
  icon: IconName;
  /** The words of the button. */
  words: string;
  /** What the box is, for screen readers. */
  label: string;
  children: (close: () => void) => ComponentChildren;
}

export function Popover({ icon, words, label, children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    whole.current?.querySelector<HTMLElement>('.share-box [data-first], .share-box button, .share-box a')?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && !whole.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);
  return (
    <div
      ref={whole}
      class="share"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <button ref={button} type="button" class="button" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={icon} size={14} />
        {words}
      </button>
      {open ? (
        <div class="share-box" role="dialog" aria-label={label}>
          {children(close)}
        </div>
      ) : null}
    </div>
  );
}
