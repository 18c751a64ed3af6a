/** What acts on the run: pause, next action, hold on failure, control. */
import { call } from '../worker.js';

export function ControlBar() {
  return (
    <div class="control-bar" role="toolbar" aria-label="Control">
      <button class="button" onClick={() => void call('command', { command: { type: 'pause' } })}>Pause</button>
    </div>
  );
}
