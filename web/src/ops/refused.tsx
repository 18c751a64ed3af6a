/** What stands here for whoever may not operate the server. */
import { rights } from '../ui/rights.js';
import { SignIn } from '../ui/sign-in.js';

export function Refused() {
  const known = rights.value;
  const isNobody = Array.isArray(known) && known.length === 0;
  return (
    <div class="ops-page">
      <header class="list-top">
        <a class="list-brand" href="/">
          runcast
        </a>
        {isNobody ? null : (
          <nav class="list-nav" aria-label="Pages">
            <a href="/">Runs</a>
          </nav>
        )}
      </header>
      <main class="list-empty">
        <h1>{isNobody ? 'Sign in to see how the server is.' : 'You may not operate this server.'}</h1>
        <p>You need the scope ops.</p>
        <SignIn />
      </main>
    </div>
  );
}
