/** Sharing and exporting a run. */

/** A link to what one sees. */
export function ShareButton() {
  return null;
}

/** The run as a file to keep. */
export function ExportButton() {
  return null;
}
