/** The log's head: whose rows, the search, whether long lines wrap, whether it follows. */
import { Button } from '../../ui/button.js';
import { Segments } from '../../ui/segments.js';
import { Switch } from '../../ui/switch.js';
import { place } from '../place.js';
import { SearchBar } from '../search/bar.js';
import { open, openSearch } from '../search/state.js';
import { head, moment } from '../store.js';
import { choose, following, scope, slot, toggleFollow, toggleWrap, wrap } from './state.js';

export function LogHead() {
  const { value: worker } = slot;
  const noTest = place.value.test === null;
  const moves = head.value?.over !== true && moment.value.live;
  const shown = scope.value.of === 'slot' ? 'worker' : scope.value.of;
  return (
    <header class="log-head">
      <h2 class="log-title">Log</h2>
      <Segments
        label="Lines of"
        class="log-scope"
        value={shown}
        of={[
          { value: 'test', label: 'Test', disabled: noTest, title: noTest ? 'Open a test to see its lines alone' : 'Lines of the open test' },
          {
            value: 'worker',
            label: 'Worker',
            disabled: worker === null,
            title: worker === null ? 'No worker has begun a test' : `Lines of worker ${worker.label}`,
          },
          { value: 'run', label: 'Run', title: 'All lines' },
        ]}
        onChange={choose}
      />
      {open.value ? <SearchBar /> : <span class="log-space" />}
      {open.value ? null : <Button icon="search" kind="quiet" label="Search the log" onClick={openSearch} />}
      <Button icon="wrap" kind="quiet" label="Wrap long lines" pressed={wrap.value} onClick={toggleWrap} />
      <Switch on={following.value && moves} disabled={!moves} onChange={toggleFollow}>
        Follow
      </Switch>
    </header>
  );
}
