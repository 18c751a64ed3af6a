/** Buttons: 28 pixels high, 36 if they are what one is here for, 44 where fingers touch. */
import type { ComponentChildren } from 'preact';

import { Icon, type IconName } from './icons.js';

export interface ButtonProps {
  /** Its words. Without any, `label` says what it does. */
  children?: ComponentChildren;
  icon?: IconName;
  /** `solid` is for the answer to a question only; `quiet` has no outline. */
  kind?: 'plain' | 'solid' | 'quiet';
  /** The colour of a solid one, and of the icon of others. */
  tone?: 'run' | 'ai' | 'fail' | 'pause' | 'pass';
  size?: 'small' | 'primary';
  /** It stays pressed: whether it is. */
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  /** What screen readers say, if that isn't its words. It is its tip, too. */
  label?: string;
  /** Its tip. */
  title?: string;
  /** Where it leads; it is a link then. */
  href?: string;
  /** Opens the link in a tab of its own. */
  apart?: boolean;
  class?: string;
  onClick?: (event: MouseEvent) => void;
}

export function Button(props: ButtonProps) {
  const { children, icon, kind = 'plain', tone, size = 'small', label } = props;
  const names = ['button'];
  if (kind !== 'plain') names.push(`button-${kind}`);
  if (size !== 'small') names.push(`button-${size}`);
  if (children === undefined) names.push('button-icon');
  if (props.class !== undefined) names.push(props.class);
  const shared = {
    class: names.join(' '),
    'data-tone': tone,
    title: props.title ?? (children === undefined ? label : undefined),
    'aria-label': label,
  };
  const inside = (
    <>
      {icon === undefined ? null : <Icon name={icon} size={14} />}
      {children}
    </>
  );
  if (props.href !== undefined) {
    const apart = props.apart ? { target: '_blank', rel: 'noopener' } : {};
    return (
      <a {...shared} {...apart} href={props.href} onClick={props.onClick}>
        {inside}
      </a>
    );
  }
  return (
    <button
      type="button"
      {...shared}
      disabled={props.disabled}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      onClick={props.onClick}
    >
      {inside}
    </button>
  );
}
