/** A phone's page: one pane, and tabs at the thumb. */
import { Boundary } from '../../ui/boundary.js';
import { Icon, type IconName } from '../../ui/icons.js';
import { LogPane } from '../log/index.js';
import { asksInSight } from '../panes.js';
import { AskPanel, ControlBar, Detail, Ended, Slider, Wall } from '../parts.js';
import { go, place, type View } from '../place.js';
import { Screen } from '../screen/index.js';
import { head } from '../store.js';
import { Tests } from '../tests/index.js';

const TABS: { view: View; icon: IconName; label: string; of: string }[] = [
  { view: 'run', icon: 'list', label: 'Tests', of: 'The tests' },
  { view: 'steps', icon: 'steps', label: 'Steps', of: 'The test' },
  { view: 'log', icon: 'terminal', label: 'Log', of: 'The log' },
  { view: 'time', icon: 'clock', label: 'Time', of: 'The time of the run' },
  { view: 'steer', icon: 'wheel', label: 'Steer', of: 'The control bar' },
];

export function Phone() {
  const { view } = place.value;
  const tab = TABS.find((one) => one.view === view) ?? TABS[0]!;
  const asks = (head.value?.asks.length ?? 0) > 0 && !head.value?.over;
  return (
    <>
      <main class="phone-pane" data-pane="2" data-of={tab.view} data-scroller={tab.view === 'run' ? '' : undefined}>
        <Boundary key={view} of={view === 'wall' ? 'The wall' : tab.of}>
          {view === 'wall' ? <Wall /> : <Pane view={tab.view} />}
        </Boundary>
      </main>
      <nav class="phone-tabs" aria-label="Panes">
        {TABS.map(({ view: to, icon, label }) => (
          <button
            key={to}
            type="button"
            class="phone-tab"
            aria-current={to === tab.view && view !== 'wall' ? 'page' : undefined}
            onClick={() => go({ view: to })}
          >
            <Icon name={icon} size={18} />
            {label}
            {to === 'steer' && asks ? (
              <span class="phone-mark">
                <span class="hidden-text">: needs you</span>
              </span>
            ) : null}
          </button>
        ))}
      </nav>
    </>
  );
}

function Pane({ view }: { view: View }) {
  const over = head.value?.over ?? false;
  switch (view) {
    case 'steps':
      return <Detail />;
    case 'log':
      return <LogPane />;
    case 'time':
      return <Slider />;
    case 'steer':
      if (over) return <p class="phone-nothing dim">The run has ended: there is nothing to steer any more.</p>;
      return (
        <>
          {asksInSight.value ? <AskPanel /> : null}
          <ControlBar />
        </>
      );
    default:
      return (
        <>
          {over ? null : (
            <Boundary of="The screen">
              <Screen />
            </Boundary>
          )}
          <Tests />
          {over ? (
            <Boundary of="The summary">
              <Ended />
            </Boundary>
          ) : null}
        </>
      );
  }
}
