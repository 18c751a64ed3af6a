/** The page's icons: paths in a box of 16 by 16. */

const PATHS = {
  failed: 'M4 4l8 8M12 4l-8 8',
  passed: 'M3 8.5l3.5 3.5L13 5',
  running: 'M5 3v10l8-5z',
  flaky: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 3.5v9a4.5 4.5 0 0 0 0-9z',
  skipped: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.5 8h5',
  queued: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3z',
  paused: 'M5.5 3v10M10.5 3v10',
  ask: 'M8 2l6 6-6 6-6-6z',
  lost: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6 6.5a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1.1M8 11.5v.2',
  waiting: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.5l2 1.5',
  search: 'M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.5 3.5',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  copy: 'M6 6h7v7H6zM3 10V3h7',
  link: 'M6.5 9.5l3-3M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.500 9M9 11.500L7.500 13a3 3 0 0 1-4.500-4.500L4.500 7',
  trace: 'M2 4h7M5 8h7M8 12h6',
  next: 'M3 3v10l7-5zM13 3v10',
  hand: 'M5 8V4a1 1 0 0 1 2 0V3a1 1 0 0 1 2 0v1a1 1 0 0 1 2 0v1a1 1 0 0 1 2 0v5a4 4 0 0 1-4 4 4 4 0 0 1-4-3L3 8.500a1 1 0 0 1 2-.5z',
  wall: 'M2.500 3h4.500v4H2.500zM9 3h4.500v4H9zM2.500 9h4.500v4H2.500zM9 9h4.500v4H9z',
  full: 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3',
  eye: 'M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8zM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1 1H3zM7 14h2',
  close: 'M4 4l8 8M12 4l-8 8',
  branch: 'M5 3v10M5 10c4 0 6-1 6-4M5 2.500v1M11 5v1',
  file: 'M4 2h5l3 3v9H4zM9 2v3h3',
  picture: 'M2.500 3.500h11v9h-11zM2.500 11l3-3 2.500 2.500 2-1.500 3.500 3',
  video: 'M2.500 4h11v8h-11zM7 6.500v3l2.500-1.500z',
  pencil: 'M3 13l.7-3L11 2.700 13.300 5 6 12.300z',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.500l2 1.500',
  list: 'M2.500 4h1M6 4h8M2.500 8h1M6 8h8M2.500 12h1M6 12h8',
  terminal: 'M3 4l3.500 4L3 12M8 12h5',
  wheel: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM2 8h4M10 8h4M8 10v4',
} as const;

const FILLED = new Set(['running', 'ask']);

export type IconName = keyof typeof PATHS;

/** An icon. It says nothing to screen readers: the word stands beside it, or `label` does. */
export function Icon({ name, size = 16, label }: { name: IconName; size?: number; label?: string }) {
  const said = label === undefined ? { 'aria-hidden': true } : { role: 'img' as const, 'aria-label': label };
  return (
    <svg
      class={`icon icon-${name}`}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill={FILLED.has(name) ? 'currentColor' : 'none'}
      stroke="currentColor"
      stroke-width={FILLED.has(name) ? 0 : 1.5}
      stroke-linecap="round"
      stroke-linejoin="round"
      {...said}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
