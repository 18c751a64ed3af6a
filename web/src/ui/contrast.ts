/** Colours that producers chose, moved until they can be read. */

/** The lightest and the darkest ground that text stands on, in the light and in the dark theme. */
const GROUNDS = { light: luminance('#ddebfb'), dark: luminance('#1b3350') } as const;

function channels(hex: string): [number, number, number] {
  const value = parseInt(hex.slice(1, 7), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2). */
export function luminance(hex: string): number {
  const [red, green, blue] = channels(hex).map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast of two luminances, 1 to 21. */
export function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

function mixed(hex: string, to: 0 | 255, share: number): string {
  return `#${channels(hex)
    .map((channel) =>
      Math.round(channel + (to - channel) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

const known = new Map<string, string>();

/** The colour, made darker in the light theme and lighter in the dark one until text in it has a contrast of 4.5:1. */
export function readable(hex: string, theme: keyof typeof GROUNDS): string {
  const name = `${theme}${hex}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  let colour = hex;
  for (let share = 0.05; contrast(luminance(colour), GROUNDS[theme]) < 4.5 && share <= 1.01; share += 0.05) {
    colour = mixed(hex, theme === 'light' ? 0 : 255, Math.min(1, share));
  }
  if (known.size > 2_000) known.clear();
  known.set(name, colour);
  return colour;
}

/** Black or white, whichever can be read on a colour. */
export function onGround(hex: string): string {
  return contrast(luminance(hex), 1) >= 4.5 ? '#ffffff' : '#000000';
}
