/** The picture of a question: boxes are the choices, and any other place is a point. */
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Ask } from '../../model.js';
import { oneLine, Text } from '../../ui/text.js';
import { byHand } from '../control/hand.js';
import { mayControl } from '../rights.js';
import { drawnOf, show } from '../screen/pictures.js';
import { boxOf, percents, pointAt, type Size } from '../screen/points.js';
import { pathOf } from '../screen/words.js';
import type { Draft } from './answer.js';

export interface AskPictureProps {
  ask: Ask;
  draft: Draft;
  /** The screenshot; null: the screen of `stream` is shown. */
  url: string | null;
  stream: string | null;
  /** It can't be answered any more. */
  closed: boolean;
  onCandidate: (id: string) => void;
  onPoint: (point: { x: number; y: number }) => void;
  /** How much wider than high it is, as soon as that is known. */
  onRatio: (ratio: number) => void;
  /** The screenshot can't be loaded. */
  onBroken: () => void;
}

export function AskPicture(props: AskPictureProps) {
  const { ask, draft, url, stream, closed, onCandidate, onPoint, onRatio, onBroken } = props;
  const holder = useRef<HTMLDivElement>(null);
  const [loaded, setLoaded] = useState<Size | null>(null);
  const drawn = url === null && stream !== null ? drawnOf(stream).value : null;
  useEffect(
    () => (url !== null || stream === null || holder.current === null ? undefined : show(stream, holder.current)),
    [url, stream],
  );
  const size = url === null ? drawn : loaded;
  const manual = byHand.value;
  const still = closed || (ask.secret && !manual);
  const ratio = size === null ? null : size.width / size.height;
  useEffect(() => void (ratio !== null && onRatio(ratio)), [ratio]);
  const click = (event: MouseEvent) => {
    if (size === null || still || holder.current === null) return;
    const rect = holder.current.getBoundingClientRect();
    const point = pointAt({ x: event.clientX - rect.left, y: event.clientY - rect.top }, rect, size);
    if (point !== null) onPoint(point);
  };
  const says = manual
    ? 'You have the browser: click in the picture to click there.'
    : still
      ? ''
      : ask.candidates.some(({ box }) => boxOf(box))
        ? 'Click a box, or any place in the picture.'
        : 'Click any place in the picture.';
  const place =
    size === null || draft.by !== 'point' || draft.point === null || manual
      ? null
      : percents({ ...draft.point, width: 1, height: 1 }, size);
  return (
    <figure class="ask-figure">
      <div class="ask-frame" style={size === null ? {} : { aspectRatio: `${size.width} / ${size.height}` }}>
        <div
          ref={holder}
          class={still ? 'ask-picture' : 'ask-picture ask-picture-open'}
          role="img"
          aria-label={`What the worker sees${ask.url === null ? '' : ` at ${oneLine(ask.url)}`}`}
          onClick={click}
        >
          {url === null ? null : (
            <img
              key={url}
              class="picture-canvas"
              src={url}
              alt=""
              draggable={false}
              onError={onBroken}
              onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) =>
                setLoaded({ width, height })
              }
            />
          )}
        </div>
        {size === null || manual
          ? null
          : ask.candidates.map(({ id, label, box: raw }, index) => {
              const box = boxOf(raw);
              const at = box === null ? null : percents(box, size);
              if (at === null) return null;
              const on = draft.by === 'candidate' && draft.candidateId === id && mayControl.value;
              return (
                <button
                  key={id}
                  type="button"
                  tabIndex={-1}
                  class={on ? 'ask-box ask-box-on' : 'ask-box'}
                  style={at}
                  disabled={closed}
                  aria-label={`${index + 1}: ${oneLine(label, 80)}`}
                  onClick={() => onCandidate(id)}
                >
                  <span class="ask-number ask-number-small">{index + 1}</span>
                </button>
              );
            })}
        {place === null ? null : (
          <span class="ask-point" style={{ left: place.left, top: place.top }} aria-hidden="true" />
        )}
      </div>
      <figcaption class="ask-caption">
        <span class="dim">{says}</span>
        {ask.url === null ? null : <Text of={pathOf(ask.url)} class="mono dim" />}
      </figcaption>
    </figure>
  );
}
