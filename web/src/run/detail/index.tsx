/** One test, from its verdict down to its attachments. */
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { Attempt, TestRow } from '../../model.js';
import { place } from '../place.js';
import { artifacts, detail, head, testOf, testsComplete, type Detail as Told } from '../store.js';
import { tell } from '../worker.js';
import { Attachments } from './attachments.js';
import { ErrorBlock } from './error-block.js';
import { filesOf, type FileItem } from './files.js';
import { Head } from './head.js';
import { RunFiles, showsRunFiles } from './run-files.js';
import { Sides, sidesOf } from './sides.js';
import { Steps } from './steps.js';
import { otherErrors, treeOf } from './tree.js';

/** Pixels that two attempts beside each other need. */
const ROOM = 380;

export function Detail() {
  const key = place.value.test;
  useEffect(() => tell({ type: 'test', key }), [key]);
  useEffect(() => {
    showsRunFiles.value = false;
  }, [key]);
  const test = testOf(key);
  return (
    <aside class="detail" aria-label="Test">
      {showsRunFiles.value ? (
        <RunFiles onBack={() => (showsRunFiles.value = false)} />
      ) : test === null ? (
        <Nothing sought={key !== null} />
      ) : (
        <OneTest key={test.key} test={test} />
      )}
    </aside>
  );
}

function Nothing({ sought }: { sought: boolean }) {
  const runs = head.value !== null && !head.value.over;
  const words = !sought
    ? 'Choose a test to see its steps, its errors and its files.'
    : !testsComplete.value
      ? 'Looking for the test…'
      : runs
        ? 'The run has not told of this test yet.'
        : 'This run has no such test.';
  return (
    <>
      <p class="detail-note detail-nothing">{words}</p>
      {artifacts.value.length === 0 ? null : <RunFiles />}
    </>
  );
}

/** Whether an element is at least so wide. */
function useRoom(of: RefObject<HTMLElement | null>): boolean {
  const [room, setRoom] = useState(true);
  useLayoutEffect(() => {
    const element = of.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth >= ROOM));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return room;
}

function OneTest({ test }: { test: TestRow }) {
  const scroller = useRef<HTMLDivElement>(null);
  const room = useRoom(scroller);
  const told = detail.value?.key === test.key ? detail.value : null;
  const attempts = told?.attempts ?? [];
  const sides = sidesOf(test, attempts);
  const asked = place.value.attempt;
  const both = sides !== null && room;
  const chosen = attempts.find(({ attempt }) => attempt === asked) ?? attempts.at(-1) ?? null;
  const beside = both && asked === null && place.value.step === null;
  const shown = beside ? null : chosen;
  const files = told === null ? [] : filesIn(beside ? attempts : shown === null ? [] : [shown], told, test.testId);
  return (
    <>
      <Head test={test} attempts={attempts} shown={shown} both={both} files={files} />
      <div class="detail-body" ref={scroller}>
        <div class="detail-inside">
          {beside && told !== null ? (
            <Sides test={test} sides={sides} steps={told.steps} artifacts={artifacts.value} />
          ) : shown === null || told === null ? (
            <p class="detail-note">{told === null || told.loading ? 'Reading its steps…' : waits(test)}</p>
          ) : (
            <OneAttempt test={test} attempt={shown} told={told} scroller={scroller} />
          )}
          {files.length === 0 ? null : <Attachments files={files} scroller={scroller} />}
        </div>
      </div>
    </>
  );
}

/** The files of some attempts. Where there are several, names that more than one of them has say whose they are. */
function filesIn(attempts: readonly Attempt[], told: Told, testId: string): FileItem[] {
  const all = attempts.flatMap((attempt) => {
    const steps = [...told.steps.values()].filter((step) => step.attempt === attempt.attempt);
    return filesOf(attempt.attachments, steps, testId, artifacts.value).map((file) => ({ file, attempt: attempt.attempt }));
  });
  const shared = ({ name }: FileItem, attempt: number) => all.some((other) => other.file.name === name && other.attempt !== attempt);
  return all.map(({ file, attempt }) => (shared(file, attempt) ? { ...file, name: `${file.name}, attempt ${attempt + 1}` } : file));
}

function waits({ status }: TestRow): string {
  if (status === 'pending') return 'It has not begun yet.';
  return status === 'skipped' ? 'It was skipped.' : 'It told of no steps.';
}

function OneAttempt({ test, attempt, told, scroller }: { test: TestRow; attempt: Attempt; told: Told; scroller: RefObject<HTMLElement | null> }) {
  const others = attempt.errors.length === 0 ? [] : otherErrors(attempt.errors, treeOf(told.steps.values(), attempt.attempt));
  return (
    <>
      {others.length === 0 ? null : (
        <div class="detail-errors">
          {others.map((error, at) => (
            <ErrorBlock key={at} error={error} seq={attempt.endSeq} />
          ))}
        </div>
      )}
      <Steps
        key={attempt.attempt}
        test={test.key}
        attempt={attempt}
        steps={told.steps}
        omitted={told.omitted}
        scroller={scroller}
        hasErrorsAbove={others.length > 0}
      />
      {told.loading ? <p class="detail-note">Reading more steps…</p> : null}
    </>
  );
}
