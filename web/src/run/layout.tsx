/** The panes of a run's page. Wide: which test, what moves now, why. Narrow: one of them, with tabs below. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

import { Boundary } from '../ui/boundary.js';
import { size, Splitter } from '../ui/splitter.js';
import { openByItself } from './choice.js';
import { listen } from './keys/index.js';
import { LogPane } from './log/index.js';
import { Phone } from './phone/index.js';
import { asksInSight } from './panes.js';
import { AskPanel, ControlBar, Detail, Ended, KeyList, Slider, Wall } from './parts.js';
import { go, place } from './place.js';
import { Screen } from './screen/index.js';
import { bindShortcuts } from './shortcuts.js';
import { speak } from './speech.js';
import { Banners, Empty } from './states/index.js';
import { head, moment } from './store.js';
import { Tests } from './tests/index.js';
import { TopBar } from './top/index.js';
import { width } from './width.js';

const testsWidth = size('tests', 320, 240, 640);
const detailWidth = size('detail', 456, 320, 880);

export function RunPage() {
  useEffect(() => {
    const ends = [listen(), bindShortcuts(), openByItself(), speak()];
    return () => ends.forEach((end) => end());
  }, []);
  const run = head.value;
  const { view } = place.value;
  const empty = run === null || (run.word === 'waiting' && moment.value.live);
  const asks = !empty && asksInSight.value;
  return (
    <div class="run-page" data-view={view} data-width={width.value} data-past={!moment.value.live}>
      <Boundary of="The bar">
        <TopBar />
      </Boundary>
      <Boundary of="The state">
        <Banners asksElsewhere={!empty && run.asks.length > 0 && !run.over && !asks} />
      </Boundary>
      {empty ? (
        <Boundary of="The first steps">
          <Empty />
        </Boundary>
      ) : width.value === 'narrow' ? (
        <Phone />
      ) : (
        <>
          <Panes asks={asks} />
          <Boundary of="The time of the run">
            <Slider />
          </Boundary>
        </>
      )}
      <KeyList />
    </div>
  );
}

function Panes({ asks }: { asks: boolean }) {
  const wall = place.value.view === 'wall';
  const three = width.value === 'wide' && !asks && !wall;
  const sizes = { '--tests': `${testsWidth.value.value}px`, '--detail': `${detailWidth.value.value}px` };
  return (
    <div class={three ? 'panes panes-three' : 'panes'} style={sizes}>
      <div class="pane pane-tests" data-pane="1">
        <Boundary of="The tests">
          <Tests />
        </Boundary>
      </div>
      <Splitter of={testsWidth} label="Width of the tests" />
      {width.value === 'wide' || asks || wall ? <Centre asks={asks} wall={wall} /> : <Tabbed />}
      {three ? (
        <>
          <Splitter of={detailWidth} label="Width of the test" pane="after" />
          <div class="pane pane-detail" data-pane="3">
            <Boundary of="The test">
              <Detail />
            </Boundary>
          </div>
        </>
      ) : null}
    </div>
  );
}

function Centre({ asks, wall, inside = false }: { asks: boolean; wall: boolean; inside?: boolean }) {
  const Main = inside ? 'div' : 'main';
  if (wall) {
    return (
      <main class="pane pane-centre" data-pane="2">
        <Boundary of="The wall">
          <Wall />
        </Boundary>
      </main>
    );
  }
  const over = head.value?.over ?? false;
  return (
    <Main class="pane pane-centre centre" data-pane="2">
      <Boundary of={asks ? 'The question' : over ? 'The summary' : 'The screen'}>
        {asks ? <AskPanel /> : over ? <Ended /> : <Screen />}
      </Boundary>
      {asks || over ? null : (
        <Boundary of="The control bar">
          <ControlBar />
        </Boundary>
      )}
      <Boundary of="The log">
        <LogPane />
      </Boundary>
    </Main>
  );
}

/** Beside the tests there is room for one pane: what moves now, or the test. */
function Tabbed() {
  const test = place.value.view === 'steps';
  return (
    <main class="pane-tabbed">
      <div class="tabs" role="tablist" aria-label="Pane">
        <Tab of="run" on={!test}>
          {head.value?.over ? 'Summary' : 'Now'}
        </Tab>
        <Tab of="steps" on={test}>
          Test
        </Tab>
      </div>
      {test ? (
        <div class="pane pane-detail" data-pane="3" role="tabpanel" aria-label="Test">
          <Boundary of="The test">
            <Detail />
          </Boundary>
        </div>
      ) : (
        <Centre asks={false} wall={false} inside />
      )}
    </main>
  );
}

function Tab({ of, on, children }: { of: 'run' | 'steps'; on: boolean; children: ComponentChildren }) {
  const walk = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const other = (event.currentTarget as HTMLElement).parentElement?.querySelector<HTMLElement>('[tabindex="-1"]');
    other?.click();
    other?.focus();
  };
  return (
    <button
      type="button"
      role="tab"
      class="tab"
      aria-selected={on}
      tabIndex={on ? 0 : -1}
      onClick={() => go({ view: of })}
      onKeyDown={walk}
    >
      {children}
    </button>
  );
}
