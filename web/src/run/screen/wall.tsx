/** The screens of all workers. */
export function Wall() {
  return <main class="wall" aria-label="Wall" />;
}
