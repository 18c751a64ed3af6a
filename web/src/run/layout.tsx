/** The panes of a run's page. Wide: which test, what moves now, why. Narrow: one of them, with tabs below. */
import { AskPanel } from './ask/panel.js';
import { ControlBar } from './control/bar.js';
import { Detail } from './detail/index.js';
import { Ended } from './ended/index.js';
import { LogPane } from './log/index.js';
import { place } from './place.js';
import { Screen } from './screen/index.js';
import { Wall } from './screen/wall.js';
import { Slider } from './slider/index.js';
import { head } from './store.js';
import { Banner, Empty } from './states/index.js';
import { Tests } from './tests/index.js';
import { TopBar } from './top/index.js';

export function RunPage() {
  const run = head.value;
  if (run === null || run.word === 'waiting') {
    return (
      <div class="run-page">
        <TopBar />
        <Empty />
      </div>
    );
  }
  const asks = run.asks.length > 0 && place.value.view === 'run';
  return (
    <div class="run-page" data-view={place.value.view}>
      <TopBar />
      <Banner />
      <div class={asks ? 'panes asking' : 'panes'}>
        <Tests />
        <Centre asks={asks} />
        {asks || place.value.view === 'wall' ? null : <Detail />}
      </div>
      <Slider />
    </div>
  );
}

function Centre({ asks }: { asks: boolean }) {
  if (place.value.view === 'wall') return <Wall />;
  return (
    <main class="centre">
      {asks ? <AskPanel /> : head.value?.over ? <Ended /> : <Screen />}
      {asks || head.value?.over ? null : <ControlBar />}
      <LogPane />
    </main>
  );
}
