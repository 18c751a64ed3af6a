// Watches the run `bench` to its end and prints, as JSON, how long its events took to here from when they happened in
// the test: `node bench/viewer.js URL`. Both ends have the same clock. Its first line is `watching`.
async function main() {
  const { connect } = await import('../../js/dist/index.js');
  const watch = connect({ url: process.argv[2] }).run('bench').watch({ screen: false });
  console.log('watching');
  const took = [];
  for await (const event of watch) {
    const at = Date.now();
    if (event.type === 'test_status' || event.type === 'test_step') took.push(at - Date.parse(event.timestamp));
    if (event.type === 'run_status' && event.status === 'passed') break;
  }
  watch.close();
  took.sort((a, b) => a - b);
  const of = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
  console.log(JSON.stringify({ events: took.length, p50: of(0.5), p95: of(0.95), p99: of(0.99), max: of(1) }));
}

void main();
