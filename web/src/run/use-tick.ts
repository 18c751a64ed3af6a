/** Draws a component again and again while something ticks. */
import { useEffect, useState } from 'preact/hooks';

import { serverNow } from './store.js';

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** Now, by the server's clock; the component is drawn each `ms` while `on`. With reduced motion each second. */
export function useTick(on: boolean, ms: number): number {
  const [, draw] = useState(0);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => document.hidden || draw((count) => count + 1), calm.matches ? Math.max(ms, 1_000) : ms);
    return () => clearInterval(timer);
  }, [on, ms]);
  return serverNow();
}
