/** The parts of a run's page that are loaded late: none of them is needed to say how the run is. */
import { late } from '../ui/late.js';

const later = () => import('./later.js');

export const AskPanel = late(() => later().then((part) => part.AskPanel));
export const ControlBar = late(() => later().then((part) => part.ControlBar));
export const Detail = late(() => later().then((part) => part.Detail));
export const Ended = late(() => later().then((part) => part.Ended));
export const ExportButton = late(() => later().then((part) => part.ExportButton));
export const KeyList = late(() => later().then((part) => part.KeyList));
export const LogPane = late(() => later().then((part) => part.LogPane));
export const ShareButton = late(() => later().then((part) => part.ShareButton));
export const ShareDialogButton = late(() => later().then((part) => part.ShareDialogButton));
export const Slider = late(() => later().then((part) => part.Slider));
export const Wall = late(() => later().then((part) => part.Wall));
