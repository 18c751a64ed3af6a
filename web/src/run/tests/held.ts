/** Whether somebody points at the tree, or moves in it by keys: its order stands still then. */
import { useEffect, useState } from 'preact/hooks';

/** How long after a finger has left, or the list has been scrolled by one, in milliseconds. */
const AFTER_TOUCH_MS = 600;

export function useHeld(tree: { current: HTMLElement | null }): [boolean, (held: boolean) => void] {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    const element = tree.current;
    if (element === null) return;
    let pointed = false;
    let focused = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = () => setHeld(pointed || focused);
    const enter = ({ pointerType }: PointerEvent) => {
      clearTimeout(timer);
      if (pointerType !== 'touch') ((pointed = true), tell());
    };
    const leave = ({ pointerType }: PointerEvent) => {
      if (pointerType !== 'touch') ((pointed = false), tell());
    };
    const touch = () => {
      pointed = true;
      tell();
      clearTimeout(timer);
      timer = setTimeout(() => ((pointed = false), tell()), AFTER_TOUCH_MS);
    };
    const down = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'touch') touch();
    };
    // focus by a click is no walk by keys: somebody who has opened a test wants to see what comes
    const focus = () => {
      focused = element.matches(':focus-within') && element.querySelector(':focus-visible') !== null;
      tell();
    };
    const gone = () => {
      pointed = false;
      tell();
    };
    const blur = () => ((focused = false), tell());
    const events: [string, (event: never) => void][] = [
      ['pointerenter', enter],
      ['pointerleave', leave],
      ['pointerdown', down],
      ['pointermove', down],
      ['focusin', focus],
      ['keydown', focus],
      ['focusout', blur],
    ];
    for (const [name, run] of events) element.addEventListener(name, run as EventListener);
    addEventListener('blur', gone);
    return () => {
      clearTimeout(timer);
      for (const [name, run] of events) element.removeEventListener(name, run as EventListener);
      removeEventListener('blur', gone);
    };
  }, []);
  return [held, setHeld];
}
