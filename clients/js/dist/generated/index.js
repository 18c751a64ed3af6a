// Written by scripts/generate.mjs from docs/vocabulary.json.
export * from './commands.js';
export * from './event-base.js';
export * from './events.js';
export * from './producer-events.js';
export * from './server-events.js';
export * from './words.js';
