/** One of a few: all are in sight, one is chosen. Arrow keys choose. */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';

export interface Segment<T extends string> {
  value: T;
  label: ComponentChildren;
  /** What screen readers say, if that isn't the label. */
  says?: string;
  title?: string;
  disabled?: boolean;
}

export interface SegmentsProps<T extends string> {
  /** What one chooses, for screen readers. */
  label: string;
  of: readonly Segment<T>[];
  value: T;
  class?: string;
  onChange: (value: T) => void;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export function Segments<T extends string>({ label, of, value, onChange, class: name }: SegmentsProps<T>) {
  const group = useRef<HTMLDivElement>(null);
  const choosable = of.filter(({ disabled }) => !disabled);
  const tabbable = choosable.find((one) => one.value === value)?.value ?? choosable[0]?.value;
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined || choosable.length === 0) return;
    event.preventDefault();
    const at = choosable.findIndex((one) => one.value === value);
    const next = choosable[(at + step + choosable.length) % choosable.length];
    if (next === undefined) return;
    onChange(next.value);
    group.current?.querySelectorAll<HTMLElement>('[role=radio]')[of.indexOf(next)]?.focus();
  };
  return (
    <div
      ref={group}
      role="radiogroup"
      aria-label={label}
      class={name ? `segments ${name}` : 'segments'}
      onKeyDown={move}
    >
      {of.map((one) => (
        <button
          key={one.value}
          type="button"
          role="radio"
          class="segment"
          aria-checked={one.value === value}
          aria-label={one.says}
          title={one.title}
          disabled={one.disabled}
          tabIndex={one.value === tabbable ? 0 : -1}
          onClick={() => onChange(one.value)}
        >
          {one.label}
        </button>
      ))}
    </div>
  );
}
