/** The time of the run: where events are dense, what happened when, and which moment is shown. */
import { timeline } from '../store.js';

export function Slider() {
  return <footer class="slider">{timeline.value?.marks.length ?? 0} marks</footer>;
}
