/** The page for whoever operates the servers. */
import { render } from 'preact';

import '../ui/theme.js';

const root = document.getElementById('page');
if (root !== null) render(<main class="ops">Ops</main>, root);
