/** The page's icons: lines and areas in a box of 16 by 16. */

interface Shape {
  /** Lines. */
  line?: string;
  /** Areas that are filled. */
  fill?: string;
  /** How thick the lines are; 1.5 if it is not said. */
  width?: number;
}

const RING = 'M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2z';

const SHAPES = {
  failed: { line: 'M3.7 3.7l8.6 8.6M12.3 3.7l-8.6 8.6', width: 1.8 },
  passed: { line: 'M2.6 8.8l3.6 3.4L13.4 4', width: 1.8 },
  running: { fill: 'M4 2.8v10.4c0 .6.6.9 1.1.6l8-5.2c.4-.3.4-.9 0-1.2l-8-5.2C4.6 1.9 4 2.2 4 2.8z' },
  flaky: { line: RING, fill: 'M8 3a5 5 0 0 0 0 10z', width: 1.7 },
  skipped: { line: `${RING}M5.4 8h5.2` },
  queued: { line: 'M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6z' },
  paused: { line: 'M5.3 3.3v9.4M10.7 3.3v9.4', width: 2.2 },
  held: { line: 'M4.7 3.3v9.4M11.3 3.3v9.4M8 6v4', width: 1.8 },
  ask: { fill: 'M7.4 1.4a.9.9 0 0 1 1.2 0l6 6a.9.9 0 0 1 0 1.2l-6 6a.9.9 0 0 1-1.2 0l-6-6a.9.9 0 0 1 0-1.2z' },
  lost: { line: `${RING}M6.3 6.5a1.75 1.75 0 1 1 2.5 1.5c-.55.3-.8.6-.8 1.1M8 11v.1` },
  waiting: { line: `${RING}M8 4.8V8l2 1.3` },
  clock: { line: `${RING}M8 4.8V8l2 1.3` },
  interrupted: { line: `${RING}M8 4.8v3.7M8 11v.1` },
  timedout: { line: 'M8 3.6a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 3.6zM8 6.3v2.5l1.7 1M6.3 1.6h3.4' },
  search: { line: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3' },
  down: { line: 'M4.2 6.2L8 10l3.8-3.8' },
  up: { line: 'M4.2 9.8L8 6l3.8 3.8' },
  right: { line: 'M6.2 4.2L10 8l-3.8 3.8' },
  left: { line: 'M9.8 4.2L6 8l3.8 3.8' },
  copy: {
    line: 'M6.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM3.5 10.5h-.2a.8.8 0 0 1-.8-.8V3.3c0-.45.35-.8.8-.8h6.4c.45 0 .8.35.8.8v.2',
  },
  link: {
    line: 'M6.8 8.7a2.6 2.6 0 0 0 3.9.3l2-2a2.6 2.6 0 0 0-3.7-3.7L7.9 4.4M9.2 7.3a2.6 2.6 0 0 0-3.9-.3l-2 2A2.6 2.6 0 0 0 7 12.7l1.1-1.1',
  },
  trace: { line: 'M2 3.8h6.5M4.8 8h8.7M3.2 12.2h6', width: 1.8 },
  steps: { line: 'M2 3.8h6.5M4.8 8h8.7M3.2 12.2h6', width: 1.8 },
  next: {
    fill: 'M3 3.2v9.6c0 .5.5.7.9.5L10 8.5c.3-.2.3-.7 0-.9L3.9 2.7c-.4-.2-.9 0-.9.5z',
    line: 'M12.6 3.2v9.6',
    width: 1.8,
  },
  hand: {
    line: 'M5.2 8.5V4.3a1 1 0 0 1 2 0V3.2a1 1 0 0 1 2 0v1.1a1 1 0 0 1 2 0v1.4a1 1 0 0 1 2 0v3.8a4.6 4.6 0 0 1-4.6 4.6H8a4.4 4.4 0 0 1-3.6-1.9L2.9 9.9a1 1 0 0 1 1.6-1.2l.7.9M7.2 4.3v3.2M9.2 4.3v3.2M11.2 5.7v1.8',
    width: 1.2,
  },
  wall: { line: 'M2.5 2.8h4.3v4.3H2.5zM9.2 2.8h4.3v4.3H9.2zM2.5 9.2h4.3v4.3H2.5zM9.2 9.2h4.3v4.3H9.2z' },
  full: { line: 'M2.8 6V2.8H6M10 2.8h3.2V6M13.2 10v3.2H10M6 13.2H2.8V10' },
  eye: {
    line: 'M1.5 8S3.9 3.7 8 3.7 14.5 8 14.5 8 12.1 12.3 8 12.3 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z',
    width: 1.3,
  },
  bell: { line: 'M3 11.2c.8-.8 1.2-1.7 1.2-3V6.6a3.8 3.8 0 0 1 7.6 0v1.6c0 1.3.4 2.2 1.2 3zM6.7 13.5h2.6' },
  close: { line: 'M3.7 3.7l8.6 8.6M12.3 3.7l-8.6 8.6' },
  branch: {
    line: 'M4.7 5.6v4.8M4.7 2.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM4.7 10.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM11.5 3.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM11.5 6.6c0 2.4-2.5 2.3-4.5 2.7-1.2.2-2.3.5-2.3 1.1',
    width: 1.3,
  },
  file: {
    line: 'M4.3 1.9h4.9l3.3 3.3v8a1 1 0 0 1-1 1H4.3a1 1 0 0 1-1-1v-10.3a1 1 0 0 1 1-1zM9 2v3.4h3.4M5.7 8.7h4.6M5.7 11.2h4.6',
    width: 1.3,
  },
  picture: {
    line: 'M3.2 2.7h9.6a1 1 0 0 1 1 1v8.6a1 1 0 0 1-1 1H3.2a1 1 0 0 1-1-1V3.7a1 1 0 0 1 1-1zM2.4 11.2l3-2.8 2.8 2.6 2.1-1.6 3.3 2.6M5.6 5.5v.1',
    width: 1.3,
  },
  video: {
    line: 'M3.2 3.2h9.6a1 1 0 0 1 1 1v7.6a1 1 0 0 1-1 1H3.2a1 1 0 0 1-1-1V4.2a1 1 0 0 1 1-1z',
    fill: 'M6.7 5.7v4.6L10.4 8z',
    width: 1.3,
  },
  pencil: { line: 'M3 13l.7-2.9 7.4-7.4a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7l-7.4 7.4z' },
  list: { line: 'M2.3 3.8h.1M5.5 3.8h8.2M2.3 8h.1M5.5 8h8.2M2.3 12.2h.1M5.5 12.2h8.2', width: 1.8 },
  terminal: { line: 'M2.6 3.5L6.8 7.7l-4.2 4.2M8.2 12.5h5.4', width: 1.7 },
  wheel: {
    line: 'M8 1.9a6.1 6.1 0 1 0 0 12.2A6.1 6.1 0 0 0 8 1.9zM8 6.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM2.3 7c1.6-.5 2.8-.3 4.2.4M13.7 7c-1.6-.5-2.8-.3-4.2.4M8 9.6v4.3',
  },
  open: { line: 'M6.5 3.5h-3v9h9v-3M9 2.8h4.2V7M13 3L7.5 8.5' },
  download: { line: 'M8 2.5v7.3M4.8 6.9L8 10.1l3.2-3.2M2.8 13.2h10.4' },
  stop: { fill: 'M4.3 3.3h7.4a1 1 0 0 1 1 1v7.4a1 1 0 0 1-1 1H4.3a1 1 0 0 1-1-1V4.3a1 1 0 0 1 1-1z' },
  wrap: { line: 'M2.5 4h11M2.5 8h8.2a2.1 2.1 0 0 1 0 4.2H8M9.8 10.3l-1.9 1.9 1.9 1.9M2.5 12.2h2.5' },
  plus: { line: 'M8 3v10M3 8h10' },
  repeat: { line: 'M12.9 6.3A5.3 5.3 0 0 0 3.3 5.4M3.1 9.7a5.3 5.3 0 0 0 9.6.9M3 2.7v2.9h2.9M13 13.3v-2.9h-2.9' },
  more: {
    fill: 'M3.2 6.7a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6zM8 6.7a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6zM12.8 6.7a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z',
  },
} as const satisfies Record<string, Shape>;

export type IconName = keyof typeof SHAPES;

/** An icon. It says nothing to screen readers: the word stands beside it, or `label` does. */
export function Icon({ name, size = 16, label }: { name: IconName; size?: number; label?: string }) {
  const said = label === undefined ? { 'aria-hidden': true } : { role: 'img' as const, 'aria-label': label };
  const shape: Shape = SHAPES[name];
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width={size} height={size} fill="none" {...said}>
      {shape.fill === undefined ? null : <path d={shape.fill} fill="currentColor" />}
      {shape.line === undefined ? null : (
        <path
          d={shape.line}
          stroke="currentColor"
          stroke-width={shape.width ?? 1.5}
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      )}
    </svg>
  );
}
