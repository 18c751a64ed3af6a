// How a run is posted from Playwright. The server says which package is its own; nothing is shown where it does not.
async function firstSteps(run) {
  const answer = await fetch("/clients").catch(() => null);
  const packages = answer?.ok ? (await answer.json()).packages : [];
  const reporter = packages.find(({ name }) => name === "@runcast/playwright");
  if (!reporter) return [];
  const steps = [
    ["In a Playwright project, once:", `npm install --save-dev ${location.origin}/clients/${reporter.file}`],
    ["One line in its configuration:", `reporter: [['list'], ['@runcast/playwright', { url: '${location.origin}' }]],`],
    ["And as often as you like:", `${run ? `RUNCAST_RUN=${run} ` : ""}npx playwright test`],
  ];
  return steps.flatMap(([words, line]) => {
    const p = document.createElement("p"), pre = document.createElement("pre");
    p.textContent = words;
    pre.textContent = line;
    return [p, pre];
  });
}
