/** Copies texts, also where the page came without TLS, and browsers have no clipboard for it. */
import { useEffect, useState } from 'preact/hooks';

import { say } from './announce.js';
import { Button } from './button.js';

/** Puts a text into the clipboard. False: the browser refused. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  const before = document.activeElement;
  field.value = text;
  field.readOnly = true;
  field.className = 'hidden-text';
  document.body.append(field);
  field.select();
  let copied = false;
  try {
    copied = document.execCommand('copy');
  } catch {
    // it stays false
  }
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}

export interface CopyButtonProps {
  /** The text, or what makes it when it is needed. */
  text: string | (() => string);
  /** The button's words; none: an icon alone. */
  children?: string;
  /** What is copied: `Copy the command`. */
  label: string;
  kind?: 'plain' | 'quiet';
}

/** A button that copies, and says for two seconds that it did. */
export function CopyButton({ text, children, label, kind = 'plain' }: CopyButtonProps) {
  const [done, setDone] = useState<boolean | null>(null);
  useEffect(() => {
    if (done === null) return;
    const timer = setTimeout(() => setDone(null), 2_000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    const copied = await copyText(typeof text === 'string' ? text : text());
    setDone(copied);
    say(copied ? 'Copied' : 'The browser did not allow to copy');
  };
  const words = done === null ? children : done ? 'Copied' : 'Not allowed';
  const icon = done ? 'passed' : 'copy';
  const shared = { icon, kind, title: label, onClick: () => void copy() } as const;
  if (children === undefined) return <Button {...shared} label={done === null ? label : `${words}: ${label}`} />;
  return <Button {...shared}>{words}</Button>;
}
