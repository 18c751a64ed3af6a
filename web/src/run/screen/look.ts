/** Which screens are asked for: only what is in sight. Pure. */
import type { Look } from '../../model.js';

/** What decides. */
export interface Sight {
  /** The stream that is shown; `auto`: whichever the server shows; null: no screen is wanted. */
  of: 'auto' | 'wall' | (string & {}) | null;
  /** The tab is in front, and the picture in the part of the page that one sees. */
  seen: boolean;
  /** The moment that is shown is now. */
  live: boolean;
  /** Pixels of the device from edge to edge. */
  width: number;
  /** Somebody wants less motion. */
  still: boolean;
}

/** Frames a second of one screen. */
const FPS = 8;
/** Widths that are asked for, so that each pixel of a splitter is not another wish. */
const STEP = 160;

/** What the worker is told. */
export function lookOf({ of, seen, live, width, still }: Sight): Look {
  if (of === null || !seen || !live || width <= 0) return { screen: false };
  const maxWidth = Math.min(2_560, Math.max(320, Math.ceil(width / STEP) * STEP));
  // the wall has one picture a second of each screen, whatever is asked for
  return { screen: of, maxFps: still || of === 'wall' ? 1 : FPS, maxWidth };
}

/** Whether two wishes are the same. */
export function sameLook(one: Look | null, other: Look): boolean {
  return one !== null && one.screen === other.screen && one.maxFps === other.maxFps && one.maxWidth === other.maxWidth;
}
