/** A button that wants a second click, within some seconds. */
import { useEffect, useState } from 'preact/hooks';

import { Button, type ButtonProps } from '../../ui/button.js';

/** How long the second click is waited for, in milliseconds. */
const WAIT_MS = 5_000;

export function ConfirmButton({ sure, onConfirm, ...button }: ButtonProps & { sure: string; onConfirm: () => void }) {
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!asked) return;
    const timer = setTimeout(() => setAsked(false), WAIT_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  const click = () => {
    setAsked(!asked);
    if (asked) onConfirm();
  };
  return (
    <Button {...button} class={asked ? 'button-sure' : ''} onClick={click}>
      {asked ? sure : button.children}
    </Button>
  );
}
