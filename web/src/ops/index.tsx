/** The page for whoever operates the servers. */
import { render } from 'preact';

const root = document.getElementById('page');
if (root !== null) render(<main class="ops">Ops</main>, root);
