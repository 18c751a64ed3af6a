/** What the worker loads while the run's state is on its way: one file. */
export { emptyFold, resumedFold } from './make-fold.js';
export { Parts } from './parts.js';
