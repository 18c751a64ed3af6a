/** A step: its state, what it does to what, its share of the attempt, how long it took; below it its error. */
import type { Attempt, Step, TestKey } from '../../model.js';
import { Button } from '../../ui/button.js';
import { count, duration, timeOfDay } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { oneLine, Text } from '../../ui/text.js';
import { go } from '../place.js';
import { clock } from '../store.js';
import { ErrorBlock } from './error-block.js';
import { copyStepLink } from './steps.js';
import type { Row } from './tree.js';

export interface StepRowProps {
  row: Row;
  index: number;
  /** Pixels from the list's top. */
  top: number;
  measure: (element: HTMLElement | null) => void;
  attempt: Attempt;
  test: TestKey;
  tabbable: boolean;
  onSelect: () => void;
  onFold: () => void;
  onFocus: () => void;
}

const SHOWN = { running: 'running', passed: 'passed', failed: 'failed', unended: 'interrupted' } as const;

/** What a step is called: the quotes around the name of an assertion are left out. */
export function titleOf({ title, category }: Step): string {
  return category === 'expect' ? title.replace(/^Expect "([^"]+)"$/, 'Expect $1') : title;
}

/** Its time as it is said: `1,415 ms`; of one that runs how long so far. */
function took(step: Step): string {
  if (step.durationMs !== null) return `${count(Math.round(step.durationMs))} ms`;
  if (step.state === 'running') return duration(Math.max(0, clock.value - step.startedAt));
  return step.state === 'unended' ? 'never ended' : '';
}

function share(step: Step, attempt: Attempt): number {
  const whole = attempt.durationMs ?? (attempt.startedAt === null ? 0 : clock.value - attempt.startedAt);
  const part = step.durationMs ?? (step.state === 'running' ? clock.value - step.startedAt : 0);
  return whole <= 0 ? 0 : Math.max(0, Math.min(1, part / whole));
}

export function StepRow({ row, index, top, measure, attempt, test, tabbable, onSelect, onFold, onFocus }: StepRowProps) {
  const { node, open, selected, error } = row;
  const { step, level } = node;
  const title = titleOf(step);
  const says = [SHOWN[step.state], title, step.subtitle, step.actor === null ? null : `by ${step.actor}`, took(step)];
  return (
    <div
      ref={measure}
      data-index={index}
      role="treeitem"
      class={selected ? 'step step-selected' : 'step'}
      data-state={node.failed ? 'failed' : step.state}
      aria-level={level}
      aria-setsize={row.size}
      aria-posinset={row.position}
      aria-expanded={open ?? undefined}
      aria-selected={selected}
      aria-label={says.filter((part) => part).map((part) => oneLine(part!, 200)).join(', ')}
      tabIndex={tabbable ? 0 : -1}
      style={{ transform: `translateY(${top}px)`, '--level': String(Math.min(level - 1, 12)) }}
      onFocus={onFocus}
    >
      <div class="step-row" onClick={onSelect}>
        <span
          class={open === null ? 'step-fold step-fold-none' : 'step-fold'}
          aria-hidden="true"
          onClick={(event) => open !== null && (event.stopPropagation(), onFold())}
        >
          {open === null ? null : <Icon name={open ? 'down' : 'right'} size={16} />}
        </span>
        <StatusIcon of={SHOWN[step.state]} silent />
        <span class="step-text">
          <Text of={title} class="step-title" />
          {step.subtitle === null ? null : <Text of={step.subtitle} class="step-locator" />}
          {step.actor === null ? null : <span class="step-actor">by {oneLine(step.actor, 40)}</span>}
          {step.pausedMs === null || step.pausedMs < 1 ? null : <span class="step-paused">paused {duration(step.pausedMs)}</span>}
        </span>
        <span class="step-bar" aria-hidden="true">
          <span style={{ width: `${share(step, attempt) * 100}%` }} />
        </span>
        <span class="step-time">{took(step)}</span>
      </div>
      {selected ? <About step={step} attempt={attempt} test={test} /> : null}
      {error === null ? null : <ErrorBlock error={error} seq={step.endSeq} />}
    </div>
  );
}

/** What is told of the step that is selected. */
function About({ step, attempt, test }: { step: Step; attempt: Attempt; test: TestKey }) {
  const params = paramsOf(step);
  return (
    <div class="step-about">
      <p class="step-facts">
        <span>{timeOfDay(step.startedAt)}</span>
        {step.location === null ? null : <Text of={step.location} class="step-place" />}
        {step.attachments.length === 0 ? null : <Text of={step.attachments.map(({ name }) => name).join(', ')} />}
      </p>
      {step.subtitle === null || step.subtitle.length < 30 ? null : <p class="step-params mono">{oneLine(step.subtitle, 2_000)}</p>}
      {params === null ? null : <p class="step-params mono">{params}</p>}
      <p class="step-actions">
        <Button icon="clock" onClick={() => go({ at: step.endSeq ?? step.seq })}>
          Show this moment
        </Button>
        <Button icon="link" onClick={() => void copyStepLink(test, attempt.attempt, step.id)}>
          Copy link
        </Button>
      </p>
    </div>
  );
}

/** What it was done with: parameters that its title and locator don't say. */
function paramsOf({ params, subtitle }: Step): string | null {
  if (typeof params !== 'object' || params === null) return null;
  const said = Object.entries(params as Record<string, unknown>).filter(([name, value]) => name !== 'locator' && value !== subtitle);
  if (said.length === 0) return null;
  return oneLine(said.map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', '), 500);
}
