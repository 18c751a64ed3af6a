/** Something that is on or off, and takes effect at once. */
import type { ComponentChildren } from 'preact';

export interface SwitchProps {
  on: boolean;
  /** What is on or off. */
  children: ComponentChildren;
  disabled?: boolean;
  title?: string;
  onChange: (on: boolean) => void;
}

export function Switch({ on, children, disabled, title, onChange }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={on}
      disabled={disabled}
      title={title}
      onClick={() => onChange(!on)}
    >
      <span class="switch-track" aria-hidden="true" />
      <span>{children}</span>
    </button>
  );
}
