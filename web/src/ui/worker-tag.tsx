/** The number of a worker. It is solid where that worker is on screen: that ties row, tab and picture together. */

export function WorkerTag({ label, on = false }: { label: string; on?: boolean }) {
  return (
    <span class={on ? 'worker-tag worker-tag-on' : 'worker-tag'} title={`worker ${label}`}>
      <span class="hidden-text">worker </span>
      {label}
    </span>
  );
}
