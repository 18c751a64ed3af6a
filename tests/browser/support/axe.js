// What axe finds on a page: of its rules those of WCAG 2 A and AA, and its own best practices.

import AxeBuilder from "@axe-core/playwright";

const BAD = ["serious", "critical"];

// The findings that would stop a person, one line for each element. `rules`: only these.
export async function findings(tab, rules) {
  // Legacy mode: no second tab for frames of other origins, which these pages have not.
  const axe = new AxeBuilder({ page: tab }).setLegacyMode().options({ resultTypes: ["violations"] });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.filter(({ impact }) => BAD.includes(impact)).flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, target, any }) => `${impact} ${id} ${target}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`));
}
