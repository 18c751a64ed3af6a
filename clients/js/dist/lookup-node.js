import dns from 'node:dns';
import { readFileSync } from 'node:fs';
/** How long the name servers may take to show that they answer, in milliseconds. */
const ANSWER_MS = 2_000;
const HOSTS = '/etc/hosts';
/**
 * Like `dns.lookup`, but on Linux it asks nothing of name servers that do not answer: `dns.lookup` waits for them for 10 s
 * and more in a thread, and `process.exit()` waits for that thread.
 */
export const lookup = process.platform === 'linux' ? lookupBy() : dns.lookup;
/** `servers`: other name servers than the system's, `127.0.0.1:5353` for instance. */
export function lookupBy(servers, answerMs = ANSWER_MS) {
    return (host, options, callback) => {
        if (isKnown(host))
            return dns.lookup(host, options, callback);
        const resolver = new dns.Resolver({ timeout: answerMs, tries: 1 });
        if (servers !== undefined)
            resolver.setServers(servers);
        // Whatever they answer, they answer.
        resolver.resolve4(host, (error) => {
            if (error?.code !== dns.TIMEOUT)
                return dns.lookup(host, options, callback);
            const message = `the name servers did not answer within ${answerMs / 1000} s`;
            callback(Object.assign(new Error(message), { code: 'EAI_AGAIN', hostname: host }), '');
        });
    };
}
/** Whether the name is known without a name server. */
function isKnown(host) {
    if (host === 'localhost' || host.endsWith('.localhost'))
        return true;
    try {
        const lines = readFileSync(HOSTS, 'utf8').toLowerCase().split('\n');
        return lines.some((line) => line.replace(/#.*/, '').trim().split(/\s+/).includes(host.toLowerCase(), 1));
    }
    catch {
        return false;
    }
}
