/** How tiles are laid out on the wall, and which are in sight. Pure. */

/** Pixels between columns, below each picture, and below that. */
export const GAP = 16;
const CAPTION = 30;
const ROW_GAP = 8;
/** Tiles are not smaller, unless there is no room for one. */
const LEAST = 300;

export interface Grid {
  columns: number;
  /** Of a tile's picture. */
  width: number;
  height: number;
  /** Of a row with its caption and gap. */
  row: number;
}

/** As many columns, 1 to 4, as show the tiles largest: all of them without scrolling if that is possible. */
export function gridOf(tiles: number, width: number, height: number): Grid {
  const most = Math.max(1, Math.min(4, tiles, Math.floor((width + GAP) / (LEAST + GAP))));
  const grids = Array.from({ length: most }, (_, index) => sized(index + 1, width));
  const fits = (grid: Grid) => Math.ceil(tiles / grid.columns) * grid.row - ROW_GAP <= height;
  // with fewer columns tiles are larger: the first that fits is the best; up to 4 tiles make no row of one
  const fitting = grids.find(fits);
  if (fitting !== undefined) return fitting;
  const fallback = tiles <= 4 ? Math.min(2, most) : most;
  return grids[fallback - 1] ?? sized(1, width);
}

function sized(columns: number, width: number): Grid {
  const tile = Math.max(1, Math.floor((width - (columns - 1) * GAP) / columns));
  const height = Math.round((tile * 10) / 16);
  return { columns, width: tile, height, row: height + CAPTION + ROW_GAP };
}

/** The tiles in sight, and a row before and behind: the first, and the one after the last. */
export function inSight(grid: Grid, tiles: number, top: number, height: number): { from: number; to: number } {
  const first = Math.max(0, Math.floor(top / grid.row) - 1);
  const last = Math.ceil((top + height) / grid.row) + 1;
  return { from: Math.min(tiles, first * grid.columns), to: Math.min(tiles, Math.max(0, last) * grid.columns) };
}
