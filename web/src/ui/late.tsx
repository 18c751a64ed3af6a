/** Parts of a page that are loaded when they are first shown, or when the page has nothing else to do. */
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

const all: (() => Promise<void>)[] = [];

/** A component that is loaded late. When it can't be, it throws, and its boundary offers to try again. */
export function late<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let loading: Promise<void> | null = null;
  const begin = () =>
    (loading ??= load().then(
      (component) => {
        loaded.value = component;
      },
      () => {
        loading = null;
        failed.value = true;
      },
    ));
  all.push(begin);
  return function Late(props: P) {
    const Part = loaded.value;
    if (Part !== null) return <Part {...props} />;
    if (failed.value) {
      failed.value = false;
      throw new Error('this part of the page did not come; if the server was replaced by another version, load the page again');
    }
    void begin();
    return null;
  };
}

/** Loads what is not there yet, when the page has nothing else to do: what is opened later then opens at once. */
export function loadTheRest(): void {
  const idle = globalThis.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 500));
  idle(() => {
    for (const begin of all) void begin();
  });
}
