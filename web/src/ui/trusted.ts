/** The only scripts that the page may load by itself: trusted types refuse all others. */

type Script = 'worker' | 'diff';

const { dataset } = document.documentElement;

interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy('runcast', {
  createScriptURL(url) {
    if (url !== dataset['worker']) throw new TypeError('the page starts no other script');
    return url;
  },
});

/** The URL of a script that is started late. */
export function scriptUrl(script: Script): unknown {
  const url = dataset[script] ?? '';
  return script === 'worker' && policy !== undefined ? policy.createScriptURL(url) : url;
}
