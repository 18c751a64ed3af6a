/** What is loaded when the page has been painted: one file. */
export { AskPanel } from './ask/panel.js';
export { ControlBar } from './control/bar.js';
export { Detail } from './detail/index.js';
export { Ended } from './ended/index.js';
export { KeyList } from './keys/list.js';
export { LogPane } from './log/index.js';
export { Wall } from './screen/wall.js';
export { ExportButton, ShareButton } from './share/index.js';
export { ShareDialogButton } from './share/dialog.js';
export { Slider } from './slider/index.js';
