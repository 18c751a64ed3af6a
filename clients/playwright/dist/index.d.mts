import RuncastReporter from './index.js';

export type { AttachmentInfo, CiInfo, MaskOptions, Options } from './options.js';
export default RuncastReporter;
