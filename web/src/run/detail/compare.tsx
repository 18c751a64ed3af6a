/** Pictures that were compared: beside each other, one through the other, one swept over the other, or in turn. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { Segments } from '../../ui/segments.js';
import { oneLine } from '../../ui/text.js';
import { downloadUrl, type Comparison } from './files.js';

const WAYS = [
  { value: 'swipe', label: 'Swipe' },
  { value: 'onion', label: 'Onion' },
  { value: 'blink', label: 'Blink' },
  { value: 'side', label: 'Side by side' },
  { value: 'diff', label: 'Diff' },
] as const;
type Way = (typeof WAYS)[number]['value'];

/** How long a picture stands while they blink, in milliseconds. */
const BLINK_MS = 600;
const still = matchMedia('(prefers-reduced-motion: reduce)');

export function CompareImages({ of, runId }: { of: Comparison; runId: string }) {
  const [way, setWay] = useState<Way>('swipe');
  const [share, setShare] = useState(50);
  const url = (file: Comparison['expected'] | null) => (file?.artifact == null ? null : downloadUrl(runId, file.artifact));
  const [expected, actual, diff] = [url(of.expected), url(of.actual), url(of.diff)];
  if (expected === null || actual === null) return null;
  const name = oneLine(of.name, 80);
  const ways = WAYS.filter(({ value }) => value !== 'diff' || diff !== null);
  return (
    <figure class="compare">
      <figcaption class="viewer-bar">
        <Segments label="How they are compared" value={way} of={ways} onChange={setWay} />
      </figcaption>
      {way === 'side' ? (
        <div class="compare-sides">
          <Labelled words="Expected" src={expected} name={name} />
          <Labelled words="Received" src={actual} name={name} />
        </div>
      ) : way === 'diff' ? (
        <div class="compare-stage">
          <img src={diff!} alt={`What differs in ${name}`} />
        </div>
      ) : way === 'blink' ? (
        <Blink expected={expected} actual={actual} name={name} />
      ) : (
        <>
          <div class="compare-stage">
            <img src={expected} alt={`Expected: ${name}`} style={way === 'swipe' ? { clipPath: `inset(0 ${100 - share}% 0 0)` } : {}} />
            <img
              class="compare-over"
              src={actual}
              alt={`Received: ${name}`}
              style={way === 'onion' ? { opacity: String(share / 100) } : { clipPath: `inset(0 0 0 ${share}%)` }}
            />
            {way === 'swipe' ? <Handle share={share} onChange={setShare} /> : null}
          </div>
          <label class="compare-range">
            <span>Expected</span>
            <input
              type="range"
              min={0}
              max={100}
              value={share}
              aria-label={way === 'onion' ? 'How much of the received picture is seen' : 'Where the received picture begins'}
              onInput={({ currentTarget }) => setShare(Number(currentTarget.value))}
            />
            <span>Received</span>
          </label>
        </>
      )}
    </figure>
  );
}

function Labelled({ words, src, name }: { words: string; src: string; name: string }) {
  return (
    <div>
      <p class="dim">{words}</p>
      <img src={src} alt={`${words}: ${name}`} />
    </div>
  );
}

/** The edge between both pictures, which is dragged; the slider below does the same with keys. */
function Handle({ share, onChange }: { share: number; onChange: (share: number) => void }): JSX.Element {
  const move = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    if (event.type === 'pointerdown') handle.setPointerCapture(event.pointerId);
    else if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = handle.parentElement!.getBoundingClientRect();
    onChange(Math.round(Math.max(0, Math.min(100, ((event.clientX - box.left) / box.width) * 100))));
  };
  return <div class="compare-handle" aria-hidden="true" style={{ left: `${share}%` }} onPointerDown={move} onPointerMove={move} />;
}

function Blink({ expected, actual, name }: { expected: string; actual: string; name: string }) {
  const [second, setSecond] = useState(false);
  const [runs, setRuns] = useState(!still.matches);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => setSecond((before) => !before), BLINK_MS);
    return () => clearInterval(timer);
  }, [runs]);
  return (
    <>
      <div class="compare-stage">
        <img src={expected} alt={`Expected: ${name}`} />
        <img class={second ? 'compare-over' : 'compare-over compare-hidden'} src={actual} alt={`Received: ${name}`} />
      </div>
      <p class="viewer-bar">
        <Button onClick={() => (setRuns(false), setSecond(!second))}>{second ? 'Show expected' : 'Show received'}</Button>
        <Button pressed={runs} onClick={() => setRuns(!runs)}>
          Blink
        </Button>
        <span class="dim">{second ? 'Received' : 'Expected'}</span>
      </p>
    </>
  );
}
