/** An exception in one pane shows there, and the others live on. */
import { Component, type ComponentChildren } from 'preact';

import { Button } from './button.js';
import { CopyButton } from './copy.js';

interface Props {
  /** What the pane is: `The log`. */
  of: string;
  children: ComponentChildren;
}

interface State {
  error: unknown;
}

export class Boundary extends Component<Props, State> {
  override state: State = { error: null };

  static override getDerivedStateFromError(error: unknown): State {
    return { error: error ?? new Error('an exception without a value') };
  }

  override componentDidCatch(error: unknown): void {
    console.error(`${this.props.of} failed:`, error);
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <section class="boundary" role="group" aria-label={`${this.props.of} failed`}>
        <h2>{this.props.of} can’t be shown.</h2>
        <p>The page has a fault. The rest of it goes on, and so does the run.</p>
        <p class="boundary-message mono">{messageOf(error)}</p>
        <p class="boundary-actions">
          <Button onClick={() => this.setState({ error: null })}>Try again</Button>
          <CopyButton text={() => detailsOf(this.props.of, error)} label="Copy the details of the fault">
            Copy details
          </CopyButton>
        </p>
      </section>
    );
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 500);
}

function detailsOf(of: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return [`${of}: ${messageOf(error)}`, stack, location.href, navigator.userAgent, new Date().toISOString()].join('\n');
}
