/** The page with the list of runs. */
import { render } from 'preact';

const root = document.getElementById('page');
if (root !== null) render(<main class="list">Runs</main>, root);
