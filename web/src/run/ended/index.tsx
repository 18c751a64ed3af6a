/** What is shown of a run that has ended, where its screen was: lanes of its workers, the run before, the slowest tests. */
export function Ended() {
  return <section class="ended" aria-label="Summary" />;
}
