/** Text with the styles that its producer gave it. */
import type { JSX } from 'preact';

import type { Span } from '../model.js';
import { onGround, readable } from './contrast.js';

const NAMED = /^(?:\d|1[0-5])$/;
const TRUE = /^#[0-9a-f]{6}$/i;

/** How a span is drawn: its classes, and properties for colours that have no name. */
export function looks(span: Span): { class: string; style: Record<string, string> } {
  const fg = span.inverse ? span.bg : span.fg;
  const bg = span.inverse ? (span.fg ?? 'text') : span.bg;
  const style: Record<string, string> = {};
  const classes: string[] = [];
  if (bg !== undefined && TRUE.test(bg))
    (Object.assign(style, { '--ground': bg, '--on-ground': onGround(bg) }), classes.push('ansi-ground'));
  else if (bg !== undefined) classes.push(NAMED.test(bg) ? `ansi-bg-${bg}` : 'ansi-bg-text');
  else if (fg !== undefined && TRUE.test(fg)) {
    Object.assign(style, { '--light': readable(fg, 'light'), '--dark': readable(fg, 'dark') });
    classes.push('ansi-true');
  } else if (fg !== undefined && NAMED.test(fg)) classes.push(`ansi-${fg}`);
  if (span.dim && classes.length === 0) classes.push('ansi-dim');
  for (const name of ['bold', 'italic', 'underline', 'strike'] as const) if (span[name]) classes.push(`ansi-${name}`);
  return { class: classes.join(' '), style };
}

/** Spans of a line. Where nothing is styled it is the text itself. */
export function Spans({ spans }: { spans: readonly Span[] }): JSX.Element {
  return (
    <>
      {spans.map((span) => {
        const { class: name, style } = looks(span);
        return name === '' ? (
          span.text
        ) : (
          <span class={name} style={style}>
            {span.text}
          </span>
        );
      })}
    </>
  );
}
