/** The keys that steer. */
import { useEffect } from 'preact/hooks';

import { bind, type Binding } from '../keys/index.js';
import { mayControl } from '../rights.js';
import { nextAction } from './bar.js';
import { openDrawer } from './drawer.js';
import { toggleControl } from './lease.js';
import { offers, togglePause } from './pause.js';

const able = () => offers().nothing === null;

const KEYS: Binding[] = [
  { key: 'p', says: 'pause, or resume', when: able, run: () => togglePause() },
  { key: 'F8', says: 'pause, or resume', when: able, run: () => togglePause() },
  { key: 'n', says: 'next action', when: () => offers().step.on, run: () => nextAction() },
  { key: 'F10', says: 'next action', when: () => offers().step.on, run: () => nextAction() },
  { key: 't', says: 'take control, or give it back', when: able, run: () => toggleControl() },
  { key: 'i', says: 'instructions to the agent', when: able, run: () => openDrawer('instructions') },
];

/** Binds them while the control bar is there, for whoever may steer. */
export function useSteeringKeys(): void {
  const may = mayControl.value;
  useEffect(() => {
    if (!may) return;
    const ends = KEYS.map((key) => bind({ ...key, group: 'Steering' }));
    return () => ends.forEach((end) => end());
  }, [may]);
}
