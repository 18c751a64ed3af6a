/** What differs between two texts, in words. It is loaded when the first difference is shown. */
export { diffWordsWithSpace } from 'diff';
