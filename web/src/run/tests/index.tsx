/** The tests of the run: those that need somebody, failed, run, and the rest. */
import { go, place } from '../place.js';
import { tests, testsVersion } from '../store.js';

export function Tests() {
  void testsVersion.value;
  return (
    <nav class="tests" aria-label="Tests">
      {[...tests.values()].slice(0, 100).map((test) => (
        <button key={test.key} class="row" aria-current={place.value.test === test.key} onClick={() => go({ test: test.key })}>
          {test.path.join(' › ')} {test.status}
        </button>
      ))}
    </nav>
  );
}
