// Written by scripts/generate.mjs from docs/vocabulary.json.
export {};
