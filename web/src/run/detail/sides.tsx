/** Attempts of a flaky test beside each other, and the error of the one that failed. */
import { useMemo } from 'preact/hooks';

import type { Artifact, Attempt, Step, TestRow } from '../../model.js';
import { count, duration } from '../../ui/format.js';
import { StatusIcon } from '../../ui/status-icon.js';
import { oneLine, Text } from '../../ui/text.js';
import { go } from '../place.js';
import { ErrorBlock } from './error-block.js';
import { filesOf } from './files.js';
import { TraceButton } from './head.js';
import { titleOf } from './step-row.js';
import { ownError, treeOf, type Node } from './tree.js';

/** Steps of an attempt that are shown here; the tree has all. */
const MAX = 60;

/** The two attempts that are shown: the last that failed, and the one after it. Null: there are no such two. */
export function sidesOf(test: TestRow, attempts: readonly Attempt[]): [Attempt, Attempt] | null {
  if (test.outcome !== 'flaky' || attempts.length < 2) return null;
  const at = attempts.findLastIndex(({ status }) => status === 'failed' || status === 'timedout');
  const [failed, next] = [attempts[at], attempts[at + 1]];
  return failed === undefined || next === undefined ? null : [failed, next];
}

export interface SidesProps {
  test: TestRow;
  sides: readonly [Attempt, Attempt];
  steps: ReadonlyMap<string, Step>;
  artifacts: readonly Artifact[];
}

export function Sides({ test, sides, steps, artifacts }: SidesProps) {
  const [failed] = sides;
  const trees = useMemo(() => sides.map(({ attempt }) => treeOf(steps.values(), attempt)), [steps, sides[0].attempt, sides[1].attempt]);
  return (
    <>
      <div class="sides">
        {sides.map((attempt, at) => (
          <Side key={attempt.attempt} test={test} attempt={attempt} nodes={trees[at] ?? []} steps={steps} artifacts={artifacts} />
        ))}
      </div>
      <div class="detail-section-head">
        <h3>{failed.errors.length > 1 ? 'Errors' : 'Error'} of attempt {failed.attempt + 1}</h3>
      </div>
      <div class="detail-errors">
        {failed.errors.map((error, at) => (
          <ErrorBlock key={at} error={error} seq={failed.endSeq} />
        ))}
      </div>
    </>
  );
}

interface SideProps {
  test: TestRow;
  attempt: Attempt;
  nodes: readonly Node[];
  steps: ReadonlyMap<string, Step>;
  artifacts: readonly Artifact[];
}

function Side({ test, attempt, nodes, steps, artifacts }: SideProps) {
  const number = attempt.attempt;
  const own = [...steps.values()].filter((step) => step.attempt === number);
  const files = filesOf(attempt.attachments, own, test.testId, artifacts);
  return (
    <section class="side" aria-label={`Attempt ${number + 1}`}>
      <button type="button" class="side-head" onClick={() => go({ attempt: number, step: null })}>
        <StatusIcon of={attempt.status === 'pending' ? 'queued' : attempt.status} />
        <strong>Attempt {number + 1}</strong>
        <span class="side-time">{attempt.durationMs === null ? '' : duration(attempt.durationMs)}</span>
      </button>
      {nodes.slice(0, MAX).map((node) => (
        <SideRow key={node.step.id} node={node} attempt={number} />
      ))}
      {nodes.length > MAX ? <p class="detail-note">and {count(nodes.length - MAX)} more</p> : null}
      <TraceButton attempt={attempt} files={files} />
    </section>
  );
}

/** The step that one came for: the deepest one that failed. */
function culprit(node: Node): Node {
  const below = ownError(node) === null ? node.children.find(({ failed }) => failed) : undefined;
  return below === undefined ? node : culprit(below);
}

function SideRow({ node, attempt }: { node: Node; attempt: number }) {
  const { step } = node;
  const state = step.state === 'unended' ? 'interrupted' : node.failed ? 'failed' : step.state;
  return (
    <button
      type="button"
      class="side-row"
      data-state={state}
      title={step.subtitle === null ? undefined : oneLine(step.subtitle, 400)}
      onClick={() => go({ attempt, step: culprit(node).step.id })}
    >
      <StatusIcon of={state} />
      <Text of={titleOf(step)} class="side-title" tip={false} />
      <span class="side-time">{step.durationMs === null ? '' : duration(step.durationMs)}</span>
    </button>
  );
}
