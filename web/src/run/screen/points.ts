/** From what one sees to the pixels of the page, and back. Pure. */
import type { Box } from '../../model.js';

export interface Size {
  width: number;
  height: number;
}

/** The part of `room` that a picture takes which is shown whole and as large as possible, in the middle. */
export function fit(room: Size, picture: Size): Box {
  const scale = Math.min(room.width / picture.width, room.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { x: (room.width - width) / 2, y: (room.height - height) / 2, width, height };
}

/** The pixel of the picture that is seen at a place in `room`; null: none is there. */
export function pointAt(at: { x: number; y: number }, room: Size, picture: Size): { x: number; y: number } | null {
  const seen = fit(room, picture);
  const x = ((at.x - seen.x) / seen.width) * picture.width;
  const y = ((at.y - seen.y) / seen.height) * picture.height;
  if (!(x >= 0 && y >= 0 && x <= picture.width && y <= picture.height)) return null;
  return { x: Math.min(Math.floor(x), picture.width - 1), y: Math.min(Math.floor(y), picture.height - 1) };
}

/** A box as producers write it, `{x, y, width, height}` or `[x, y, width, height]`; null: it is none. */
export function boxOf(value: unknown): Box | null {
  const [x, y, width, height] = Array.isArray(value)
    ? value
    : value !== null && typeof value === 'object'
      ? ['x', 'y', 'width', 'height'].map((name) => (value as Record<string, unknown>)[name])
      : [];
  const all = [x, y, width, height];
  if (!all.every((one): one is number => typeof one === 'number' && Number.isFinite(one))) return null;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** The box, as parts of the picture: percents, for styles. Null: it lies outside. */
export function percents(box: Box, picture: Size): { left: string; top: string; width: string; height: string } | null {
  const left = Math.max(0, box.x);
  const top = Math.max(0, box.y);
  const right = Math.min(picture.width, box.x + box.width);
  const bottom = Math.min(picture.height, box.y + box.height);
  if (right <= left || bottom <= top) return null;
  const part = (value: number, of: number) => `${((value / of) * 100).toFixed(3)}%`;
  return {
    left: part(left, picture.width),
    top: part(top, picture.height),
    width: part(right - left, picture.width),
    height: part(bottom - top, picture.height),
  };
}
