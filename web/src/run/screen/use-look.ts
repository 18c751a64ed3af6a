/** Tells the worker which screens are in sight. */
import { signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import type { Look } from '../../model.js';
import { connection, moment } from '../store.js';
import { tell } from '../worker.js';
import { lookOf, sameLook } from './look.js';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const hidden = signal(document.hidden);
document.addEventListener('visibilitychange', () => (hidden.value = document.hidden));

/** Whoever shows a screen, the newest last: it decides. */
const wishes: { look: Look }[] = [];
let told: Look | null = null;

function decide(): void {
  const look = wishes.at(-1)?.look ?? { screen: false };
  if (sameLook(told, look)) return;
  told = look;
  tell({ type: 'look', look });
}

/** How long somebody looks at a stream without a break: since when. */
export const lookingSince = signal<{ of: string; at: number } | null>(null);

/**
 * Asks for the screens of `of` while `element` is in sight. `width`: of one picture, as a part of the element's.
 */
export function useLook(element: RefObject<HTMLElement | null>, of: string | null, part = 1): void {
  const mine = useRef({ look: { screen: false } as Look, seen: true, width: 0 });
  const live = moment.value.live;
  const isHidden = hidden.value;
  const closed = connection.value?.status === 'closed';
  useEffect(() => {
    const wish = mine.current;
    wishes.push(wish);
    const end = () => {
      wishes.splice(wishes.indexOf(wish), 1);
      // whoever comes next in the same turn decides; nobody: off
      queueMicrotask(decide);
    };
    return end;
  }, []);
  useEffect(() => {
    const wish = mine.current;
    const update = () => {
      const sight = { of, seen: wish.seen && !isHidden, live: live && !closed, width: wish.width * part * devicePixelRatio, still: calm.matches };
      wish.look = lookOf(sight);
      const looking = wish.look.screen;
      const before = lookingSince.peek();
      if (looking === false) lookingSince.value = null;
      else if (before?.of !== looking) lookingSince.value = { of: looking, at: Date.now() };
      decide();
    };
    const target = element.current;
    if (target === null) return;
    wish.width = target.clientWidth;
    const size = new ResizeObserver(() => {
      wish.width = target.clientWidth;
      update();
    });
    const sight = new IntersectionObserver(([entry]) => {
      wish.seen = entry?.isIntersecting ?? true;
      update();
    });
    size.observe(target);
    sight.observe(target);
    calm.addEventListener('change', update);
    update();
    return () => {
      size.disconnect();
      sight.disconnect();
      calm.removeEventListener('change', update);
    };
  }, [of, part, live, isHidden, closed]);
}
