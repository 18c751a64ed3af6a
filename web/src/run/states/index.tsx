/** What the page says when it can't show the run as it is now, and when there is no run yet. */
import { connection, head } from '../store.js';

/** The sentence above the panes, when there is one. */
export function Banner() {
  return connection.value?.status === 'reconnecting' ? <p class="banner">Connection lost, trying again</p> : null;
}

/** Nothing was posted yet: three ways to post. */
export function Empty() {
  return <main class="empty"><h1>Nothing has been posted to {head.value?.runId ?? 'this run'} yet.</h1></main>;
}
