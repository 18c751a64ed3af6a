import reporter from './index.js';

export default reporter;
