/** The screen of one worker, and the sentence that says what it does. */
export function Screen() {
  return <section class="screen" aria-label="Screen" />;
}
