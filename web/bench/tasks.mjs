// The tasks of a page's main thread and of its worker while something goes on, from a trace of Chromium's.

const THREADS = { page: 'CrRendererMain', worker: 'DedicatedWorker thread' };
const CATEGORIES = ['toplevel', 'devtools.timeline', '__metadata'];

/** What tasks took, in milliseconds: by the clock, and of a processor. */
function summary(tasks) {
  const [ms, cpu] = ['dur', 'tdur'].map((of) => tasks.map((task) => (task[of] ?? 0) / 1_000).sort((a, b) => a - b));
  return {
    tasks: tasks.length,
    longestMs: ms.at(-1) ?? 0,
    longestCpuMs: cpu.at(-1) ?? 0,
    p99Ms: ms[Math.floor(ms.length * 0.99)] ?? 0,
    over50: ms.filter((one) => one > 50).length,
    cpuMs: cpu.reduce((sum, one) => sum + one, 0),
  };
}

/** Traces while `work` goes on, and returns the tasks of both threads, and in `result` what `work` does. */
export async function tasksOf(browser, tab, work) {
  await browser.startTracing(tab, { categories: CATEGORIES });
  const result = await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const threads = new Map();
  for (const { name, pid, tid, args } of traceEvents)
    if (name === 'thread_name') threads.set(`${pid} ${tid}`, args.name);
  const tasks = { page: [], worker: [] };
  for (const event of traceEvents) {
    if (event.ph !== 'X' || !event.name.endsWith('RunTask')) continue;
    const thread = threads.get(`${event.pid} ${event.tid}`);
    for (const [of, name] of Object.entries(THREADS)) if (thread === name) tasks[of].push(event);
  }
  // Chromium keeps a renderer at hand for the next page: it has no worker, and hardly a task.
  return { result, page: summary(tasks.page), worker: summary(tasks.worker) };
}
