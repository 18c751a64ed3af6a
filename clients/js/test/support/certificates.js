// A private authority, and a certificate of it for a name.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes both, in a directory that goes with the test: `{ ca, key, cert }`, `ca` being a file. */
export function certificates(test, ...names) {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-js-tls-'));
  test.after(() => rmSync(dir, { recursive: true }));
  const at = (name) => join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=private', '-days', '2');
  openssl('req', ...key, '-keyout', at('key.pem'), '-out', at('csr.pem'), '-subj', `/CN=${names[0]}`);
  const entries = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`));
  writeFileSync(at('ext'), `subjectAltName=${entries.join(',')}\n`);
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('ext')];
  openssl('x509', '-req', '-in', at('csr.pem'), '-out', at('cert.pem'), ...signed);
  return { ca: at('ca.pem'), key: readFileSync(at('key.pem')), cert: readFileSync(at('cert.pem')) };
}
