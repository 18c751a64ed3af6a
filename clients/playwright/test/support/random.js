// Random numbers that can be had again: `SEED=n`.

/** `random(n)`: a whole number below n. `random.seed`: what to say when a test fails. */
function randoms(seed = Number(process.env.SEED ?? Date.now() % 1_000_000)) {
  let state = seed >>> 0;
  const random = (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
  return Object.assign(random, { seed });
}

module.exports = { randoms };
