/** The list of keys, with the settings of the page. It dims nothing, and `Esc` closes it. */
import { useEffect, useRef } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { Segments } from '../../ui/segments.js';
import { Switch } from '../../ui/switch.js';
import { setTheme, theme } from '../../ui/theme.js';
import { bind, bound, listOpen, setSingleKeys, singleKeys } from './index.js';
import { linesOf } from './lines.js';

const THEMES = [
  { value: 'system', label: 'System' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const;

/** The list, while it is open. */
export function KeyList() {
  useEffect(() => {
    const toggle = bind({ key: '?', says: 'this list', group: 'Page', run: () => (listOpen.value = !listOpen.value) });
    return toggle;
  }, []);
  return listOpen.value ? <Panel /> : null;
}

function Panel() {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    const close = bind({ key: 'Escape', says: 'close', group: 'Page', run: () => (listOpen.value = false) });
    return () => {
      close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <section ref={panel} class="keys" role="dialog" aria-label="Keys and settings" tabIndex={-1}>
      <div class="keys-head">
        <h2>Keys and settings</h2>
        <Button kind="quiet" icon="close" label="Close" onClick={() => (listOpen.value = false)} />
      </div>
      <div class="keys-settings">
        <Segments label="Colours" of={THEMES} value={theme.value} onChange={setTheme} />
        <Switch on={singleKeys.value} onChange={setSingleKeys}>
          Single keys
        </Switch>
      </div>
      {linesOf(bound()).map(({ group, lines }) => (
        <section key={group}>
          <h3>{group}</h3>
          <dl class="keys-lines">
            {lines.map(({ keys, says }) => (
              <div key={says} class="keys-line">
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{says}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <p class="dim">Keys rest while you write in a field.</p>
    </section>
  );
}
