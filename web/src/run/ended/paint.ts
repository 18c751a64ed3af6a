/** Draws lanes on a canvas: a run of 10,000 tests is one element. */
import type { Shown } from '../../ui/status.js';
import type { Block, Lanes } from './lanes.js';

/** Pixels: a lane, the gap below it, and the height of the marks below all of them. */
export interface Measures {
  height: number;
  gap: number;
}

/** Lanes are lower where there are many of them. */
export function measuresOf(lanes: number): Measures {
  if (lanes <= 8) return { height: 20, gap: 7 };
  if (lanes <= 24) return { height: 12, gap: 4 };
  return { height: 6, gap: 2 };
}

/** The colours of a state, as variables of the theme: its area and its edge. */
const COLOURS: Partial<Record<Shown, { area: string; edge?: string }>> = {
  passed: { area: '--pass-mark' },
  flaky: { area: '--hover', edge: '--flaky' },
  failed: { area: '--fail-mark', edge: '--fail' },
  timedout: { area: '--fail-mark', edge: '--fail' },
  interrupted: { area: '--fail-mark', edge: '--fail' },
  skipped: { area: '--rest' },
};

export interface Drawing {
  lanes: Lanes;
  width: number;
  /** The block that has focus: its lane and place. */
  focus: { lane: number; block: number } | null;
  /** The test that is open. */
  open: string | null;
}

export function paint(canvas: HTMLCanvasElement, { lanes, width, focus, open }: Drawing): void {
  const { height, gap } = measuresOf(lanes.lanes.length);
  const tall = lanes.lanes.length * (height + gap);
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(tall * ratio);
  const pen = canvas.getContext('2d');
  if (pen === null) return;
  const theme = getComputedStyle(canvas);
  const colour = (name: string) => theme.getPropertyValue(name).trim();
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, width, tall);
  const scale = width / (lanes.to - lanes.from);
  const marked: (() => void)[] = [];
  lanes.lanes.forEach(({ blocks }, lane) => {
    const y = lane * (height + gap);
    blocks.forEach((block, at) => {
      const x = (block.from - lanes.from) * scale;
      const wide = Math.max(1, (block.to - block.from) * scale - (blocks.length > 1 ? 2 : 0));
      const look = COLOURS[block.state] ?? { area: '--rest' };
      const draw = () => {
        pen.fillStyle = colour(look.area);
        pen.beginPath();
        pen.roundRect(x, y, wide, height, Math.min(2, wide / 2));
        pen.fill();
        if (look.edge !== undefined) edge(pen, x, y, wide, height, colour(look.edge), block);
        if (block.test === open || (focus?.lane === lane && focus.block === at)) outline(pen, x, y, wide, height, colour('--run'));
      };
      // What is wrong is drawn last, so that no neighbour covers it.
      if (look.edge !== undefined || block.test === open || focus?.lane === lane) marked.push(draw);
      else draw();
    });
  });
  for (const draw of marked) draw();
}

function edge(pen: CanvasRenderingContext2D, x: number, y: number, wide: number, height: number, colour: string, { state }: Block): void {
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  if (wide < 5) {
    pen.fillRect(x, y, Math.max(2, wide), height);
    return;
  }
  pen.lineWidth = height < 12 ? 1 : 1.5;
  pen.strokeRect(x + 0.75, y + 0.75, wide - 1.5, height - 1.5);
  if (wide < 16 || height < 16) return;
  const [cx, cy] = [x + wide / 2, y + height / 2];
  pen.beginPath();
  if (state === 'flaky') {
    pen.arc(cx, cy, 4.5, 0, 2 * Math.PI);
    pen.stroke();
    pen.beginPath();
    pen.arc(cx, cy, 4.5, Math.PI / 2, (3 * Math.PI) / 2);
    pen.fill();
  } else {
    pen.moveTo(cx - 3.5, cy - 3.5);
    pen.lineTo(cx + 3.5, cy + 3.5);
    pen.moveTo(cx + 3.5, cy - 3.5);
    pen.lineTo(cx - 3.5, cy + 3.5);
    pen.stroke();
  }
}

function outline(pen: CanvasRenderingContext2D, x: number, y: number, wide: number, height: number, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.strokeRect(x + 1, y + 1, Math.max(2, wide - 2), Math.max(2, height - 2));
}
