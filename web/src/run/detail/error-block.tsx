/** An error: what was expected and received, with the words that differ, where it looked, how long, and the code. */
import { useEffect, useState } from 'preact/hooks';

import type { ErrorInfo, Span } from '../../model.js';
import { ansiText } from '../../ui/ansi.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { plural } from '../../ui/format.js';
import { Spans } from '../../ui/spans.js';
import { go } from '../place.js';
import { takeApart, type DiffLine, type Message, type Side } from './message.js';
import { codeLines } from './snippet.js';
import { comparable, loadDiffer, pair, pairLines, type Differ, type Piece } from './words.js';

export interface ErrorBlockProps {
  error: ErrorInfo;
  /** Seq of the event with which it came. */
  seq: number | null;
}

export function ErrorBlock({ error, seq }: ErrorBlockProps) {
  const parts = takeApart(error.message);
  const differ = useDiffer(parts);
  return (
    <section class="error-block" aria-label="Error">
      <div class="error-head">
        <p class="error-title">{parts.title || 'It failed without a message.'}</p>
        <span class="error-actions">
          {seq === null ? null : (
            <Button kind="quiet" icon="clock" label="Show this moment" onClick={() => go({ at: seq })} />
          )}
          <CopyButton kind="quiet" text={() => ansiText(copied(error))} label="Copy the error" />
        </span>
      </div>
      {parts.called === null ? null : <p class="error-called">{parts.called}</p>}
      <Sides sides={parts.sides} differ={differ} />
      <Difference lines={parts.diff} differ={differ} />
      {parts.facts.length === 0 ? null : (
        <dl class="error-facts">
          {parts.facts.map(({ label, text }) => (
            <div class="error-row" key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      {parts.rest.length === 0 ? null : <Lines lines={parts.rest} />}
      {parts.omitted === 0 ? null : <p class="error-note">{plural(parts.omitted, 'more line')}. Copy the error to read them.</p>}
      <Code snippet={error.snippet} />
      {parts.callLog.length === 0 ? null : (
        <Folded title="Call log" lines={parts.callLog.length}>
          {parts.callLog.join('\n')}
        </Folded>
      )}
      <Stack error={error} />
    </section>
  );
}

function copied({ message, snippet, stack }: ErrorInfo): string {
  const trace = stack === null ? null : stack.startsWith(message) ? stack.slice(message.length).replace(/^\n/, '') : stack;
  return [message, snippet, trace].filter((part) => part !== null && part !== '').join('\n\n');
}

function useDiffer({ sides, diff }: Message): Differ | null {
  const [differ, setDiffer] = useState<Differ | null>(null);
  const needed = comparable(sides) !== null || diff.length > 0;
  useEffect(() => {
    if (needed) void loadDiffer().then((part) => setDiffer(() => part));
  }, [needed]);
  return differ;
}

function Words({ pieces }: { pieces: readonly Piece[] }) {
  return <>{pieces.map(({ text, differs }) => (differs ? <mark>{text}</mark> : text))}</>;
}

const plainLines = (lines: readonly Span[][]): Piece[][] => lines.map((line) => line.map(({ text, inverse }) => ({ text, differs: inverse === true })));

function Sides({ sides, differ }: { sides: readonly Side[]; differ: Differ | null }) {
  if (sides.length === 0) return null;
  const compared = comparable(sides);
  const pairs = compared === null ? null : compared[0].lines.map((line, at) => pair(line, compared[1].lines[at]!, differ));
  return (
    <dl class="error-sides">
      {sides.map((side) => {
        const at = compared?.indexOf(side) ?? -1;
        const lines = pairs !== null && at >= 0 ? pairs.map((both) => both[at as 0 | 1]) : plainLines(side.lines);
        return (
          <div class={`error-row error-${side.side}`} key={side.label}>
            <dt>{side.label}</dt>
            <dd>
              {lines.map((pieces, index) => (
                <>
                  {index === 0 ? null : '\n'}
                  <Words pieces={pieces} />
                </>
              ))}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

const SIGNS = { expected: '−', received: '+', same: ' ', hunk: ' ' } as const;
const SAYS = { expected: 'expected: ', received: 'received: ', same: '', hunk: '' } as const;

function Difference({ lines, differ }: { lines: readonly DiffLine[]; differ: Differ | null }) {
  if (lines.length === 0) return null;
  const pieces = pairLines(lines, differ);
  return (
    <div class="error-diff">
      <p class="error-legend">
        <span class="error-expected">− Expected</span> <span class="error-received">+ Received</span>
      </p>
      {lines.map(({ kind, spans }, at) => (
        <div class={`error-line error-${kind}`} key={at}>
          <span class="error-sign" aria-hidden="true">
            {SIGNS[kind]}
          </span>
          <span class="hidden-text">{SAYS[kind]}</span>
          <span class="error-text">{pieces[at] == null ? spans.map(({ text }) => text).join('') : <Words pieces={pieces[at]} />}</span>
        </div>
      ))}
    </div>
  );
}

function Lines({ lines }: { lines: readonly Span[][] }) {
  return (
    <pre class="error-rest">
      {lines.map((spans, index) => (
        <>
          {index === 0 ? null : '\n'}
          <Spans spans={spans} />
        </>
      ))}
    </pre>
  );
}

function Code({ snippet }: { snippet: string | null }) {
  if (snippet === null) return null;
  const lines = codeLines(snippet);
  if (lines.length === 0) return null;
  return (
    <div class="code" role="group" aria-label="Code">
      <div class="code-lines">
        {lines.map(({ number, text, failing }, at) => (
          <div class={failing ? 'code-line code-failing' : 'code-line'} key={at}>
            <span class="code-number">{number ?? ''}</span>
            <span>{text}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function Stack({ error: { stack, message } }: { error: ErrorInfo }) {
  if (stack === null) return null;
  const text = ansiText(stack.slice(0, 20_000));
  const first = text.indexOf('\n    at ');
  const own = first >= 0 ? text.slice(first + 1) : text === ansiText(message.slice(0, 20_000)) ? '' : text;
  const lines = own.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  if (lines.length === 0) return null;
  return (
    <Folded title="Stack" lines={lines.length}>
      {lines.join('\n')}
    </Folded>
  );
}

function Folded({ title, lines, children }: { title: string; lines: number; children: string }) {
  return (
    <details class="error-folded">
      <summary>
        {title} <span class="dim">{plural(lines, 'line')}</span>
      </summary>
      <pre tabIndex={0}>{children}</pre>
    </details>
  );
}
