/** The page with the list of runs. */
import { render } from 'preact';

import '../ui/theme.js';

const root = document.getElementById('page');
if (root !== null) render(<main class="list">Runs</main>, root);
