/**
 * The newest picture of each screen. Pictures are drawn when the browser draws, only the newest of each screen, and are
 * closed then; what is drawn stays on the screen's canvas, wherever that is shown next.
 */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';

import { onFrame } from '../worker.js';

/** What is known of a picture that was drawn. */
export interface Drawn {
  at: number;
  testId: string | null;
  /** The size of the page that it shows, else of the picture: boxes and points are in it. */
  width: number;
  height: number;
}

interface Screen {
  canvas: HTMLCanvasElement;
  drawn: Signal<Drawn | null>;
  /** Device pixels that it takes at most. */
  room: { width: number; height: number };
}

type Frame = Parameters<Parameters<typeof onFrame>[0]>[0];

/** Screens that are kept; as many as the server keeps of a run. */
const MAX_SCREENS = 64;

const screens = new Map<string, Screen>();
const waiting = new Map<string, Frame>();
let planned = false;

/** The stream whose picture came last; null: none came yet. */
export const lastStream = signal<string | null>(null);
/** When the first picture of any screen came. */
export const firstAt = signal<number | null>(null);
/** All streams that have sent a picture. */
export const seen = signal<readonly string[]>([]);

onFrame((frame) => {
  waiting.get(frame.stream)?.picture.close();
  waiting.set(frame.stream, frame);
  if (waiting.size > MAX_SCREENS) dropOldest();
  if (planned) return;
  planned = true;
  requestAnimationFrame(drawAll);
});

function dropOldest(): void {
  const [stream, frame] = waiting.entries().next().value ?? [];
  if (stream === undefined || frame === undefined) return;
  frame.picture.close();
  waiting.delete(stream);
}

function screenOf(stream: string): Screen {
  const known = screens.get(stream);
  if (known !== undefined) return known;
  for (const [other, { canvas }] of screens) {
    if (screens.size < MAX_SCREENS) break;
    if (!canvas.isConnected) screens.delete(other);
  }
  const canvas = document.createElement('canvas');
  canvas.className = 'picture-canvas';
  canvas.setAttribute('aria-hidden', 'true');
  const made: Screen = { canvas, drawn: signal(null), room: { width: 1280, height: 800 } };
  screens.set(stream, made);
  return made;
}

function drawAll(): void {
  planned = false;
  for (const [stream, frame] of waiting) {
    draw(screenOf(stream), frame);
    frame.picture.close();
    if (lastStream.peek() !== stream) lastStream.value = stream;
    if (!seen.peek().includes(stream)) seen.value = [...seen.peek(), stream].slice(-MAX_SCREENS);
    firstAt.value ??= frame.at;
  }
  waiting.clear();
}

function draw({ canvas, drawn, room }: Screen, { picture, at, testId, width, height }: Frame): void {
  const scale = Math.min(1, room.width / picture.width, room.height / picture.height);
  const size = { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) };
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) return;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, size.width, size.height);
  drawn.value = { at, testId, width: width || picture.width, height: height || picture.height };
}

/** What was drawn of a screen. */
export function drawnOf(stream: string): ReadonlySignal<Drawn | null> {
  return screenOf(stream).drawn;
}

/** Shows a screen's canvas in an element, and draws as many pixels as it has room for. Returns what ends it. */
export function show(stream: string, holder: HTMLElement): () => void {
  const screen = screenOf(stream);
  holder.prepend(screen.canvas);
  const measure = () => {
    const { width, height } = holder.getBoundingClientRect();
    if (width > 0 && height > 0) screen.room = { width: width * devicePixelRatio, height: height * devicePixelRatio };
  };
  measure();
  const observer = new ResizeObserver(measure);
  observer.observe(holder);
  return () => {
    observer.disconnect();
    if (screen.canvas.parentElement === holder) screen.canvas.remove();
  };
}
