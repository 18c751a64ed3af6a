/** One row of the log. */
import type { Ref } from 'preact';

import type { LogRow, Span } from '../../model.js';
import { plural, timeOfDay } from '../../ui/format.js';
import { Icon, type IconName } from '../../ui/icons.js';
import { looks } from '../../ui/spans.js';
import { LOOKS, shownOf, type Tone } from '../../ui/status.js';
import { WorkerTag } from '../../ui/worker-tag.js';
import { place, urlOf } from '../place.js';
import { cut, rangesInRow, type Marked } from '../search/find.js';
import { CLIP, textOf } from './lines.js';

export interface RowProps {
  row: LogRow;
  index: number;
  id: string;
  /** Pixels from the first row's top. */
  top: number;
  height: number | null;
  /** It shows when it was and who wrote it. */
  begins: boolean;
  active: boolean;
  /** A link leads here. */
  marked: boolean;
  /** It came after the moment that is shown. */
  after: boolean;
  /** All of a very long line is shown. */
  open: boolean;
  words: string;
  /** Which of its marks is the current one; -1: none. */
  current: number;
  measure: Ref<HTMLDivElement> | null;
}

const TONES: Partial<Record<LogRow['kind'], { icon: IconName; tone: Tone }>> = {
  ask: { icon: 'ask', tone: 'ai' },
  command: { icon: 'hand', tone: 'dim' },
};

/** The icon of a boundary. */
function look(row: LogRow): { icon: IconName; tone: Tone } | null {
  if (row.kind !== 'test') return TONES[row.kind] ?? null;
  const state = row.state ?? 'running';
  if (state in LOOKS) return LOOKS[state as keyof typeof LOOKS];
  return LOOKS[shownOf({ status: state as 'passed', outcome: null })];
}

export function Row(props: RowProps) {
  const { row, index, id, top, height, begins, active, marked, after } = props;
  const names = ['log-row', `log-${row.kind}`];
  if (active) names.push('log-active');
  if (marked) names.push('log-marked');
  if (after) names.push('log-after');
  const line = { seq: row.seq, line: row.line };
  return (
    <div
      ref={props.measure}
      id={id}
      class={names.join(' ')}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={active}
      data-index={index}
      style={height === null ? { top: `${top}px` } : { top: `${top}px`, height: `${height}px` }}
    >
      {row.kind === 'divider' ? (
        <span role="gridcell" class="log-text">
          {textOf(row)}
        </span>
      ) : (
        <>
          <span role="gridcell" class="log-when">
            {begins ? (
              <a
                class="log-time"
                href={urlOf({ ...place.peek(), line, at: null })}
                data-line={`${row.seq}.${row.line}`}
                tabIndex={-1}
                draggable={false}
                title={`${new Date(row.at).toLocaleString()}, event ${row.seq.toLocaleString('en')}: link to this line`}
              >
                {timeOfDay(row.at)}
              </a>
            ) : null}
          </span>
          <span role="gridcell" class="log-who">
            {begins && row.slotLabel !== null ? <WorkerTag label={row.slotLabel} /> : null}
          </span>
          <span role="gridcell" class="log-line">
            <Content {...props} />
          </span>
        </>
      )}
    </div>
  );
}

function Content({ row, words, current, open }: RowProps) {
  const shown = look(row);
  const long = !open && textOf(row).length > CLIP;
  const spans = long ? clipped(row.spans, CLIP) : row.spans;
  const marked = words === '' ? spans : cut(spans, rangesInRow(row, words));
  return (
    <>
      {shown === null ? null : (
        <span class="status-icon" data-tone={shown.tone}>
          <Icon name={shown.icon} size={14} />
        </span>
      )}
      <span class="log-text" data-cut={long ? '' : undefined}>
        {marked.map((span, index) => (
          <Piece key={index} span={span} current={current} />
        ))}
      </span>
      {row.updates === undefined || row.updates === 0 ? null : (
        <span class="log-chip">{plural(row.updates, 'update')}</span>
      )}
      {long ? (
        <button type="button" class="log-chip log-rest" tabIndex={-1}>
          {(textOf(row).length - CLIP).toLocaleString('en')} characters more
        </button>
      ) : null}
    </>
  );
}

function Piece({ span, current }: { span: Marked; current: number }) {
  const { class: name, style } = looks(span);
  if (span.mark !== undefined) {
    return (
      <mark class={`${name} ${span.mark === current ? 'log-hit log-hit-current' : 'log-hit'}`} style={style}>
        {span.text}
      </mark>
    );
  }
  return (
    <span class={name} style={style}>
      {span.text}
    </span>
  );
}

function clipped(spans: readonly Span[], most: number): Span[] {
  const kept: Span[] = [];
  let left = most;
  for (const span of spans) {
    if (left <= 0) break;
    kept.push(span.text.length <= left ? span : { ...span, text: span.text.slice(0, left) });
    left -= span.text.length;
  }
  return kept;
}
