/** How a trace is opened that this server can't show, because Playwright's viewer is not installed there. */
import { CopyButton } from '../../ui/copy.js';
import { Popover } from '../share/popover.js';

function Command({ text, label }: { text: string; label: string }) {
  return (
    <div class="share-code">
      <pre>{text}</pre>
      <CopyButton kind="quiet" text={text} label={label} />
    </div>
  );
}

export function TraceHelp({ file }: { file: string }) {
  return (
    <span class="trace-help">
      <Popover icon="trace" words="Trace" label="Open the trace">
        {() => (
          <>
            <h3 class="share-title">Playwright’s viewer is not installed on this server</h3>
            <p>Open the trace on your machine:</p>
            <Command text={`npx playwright show-trace '${new URL(file, location.origin).href}'`} label="Copy the command" />
            <p class="trace-help-next">Or install the viewer where the server was started:</p>
            <Command text="scripts/trace-viewer" label="Copy the command that installs it" />
            <p class="share-hint">Traces that are uploaded from then on open here with one click.</p>
            <p class="trace-help-next">
              <a href={file}>Download the trace</a>
            </p>
          </>
        )}
      </Popover>
    </span>
  );
}
