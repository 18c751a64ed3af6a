// Calls tools of a server over MCP with one of the official clients, and prints what they answered.
// node calls.mjs modern|legacy URL USER '[["tool", {"argument": 1}], ...]'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [era, url, user, calls] = process.argv.slice(2);
const about = { name: 'test-agent', version: '1' };
const headers = { requestInit: { headers: { 'Runcast-User': user } } };

const client =
  era === 'modern'
    ? new ModernClient(about, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
    : new LegacyClient(about);
const Transport = era === 'modern' ? ModernTransport : LegacyTransport;
await client.connect(new Transport(new URL(url), headers));

const { tools } = await client.listTools();
const results = [];
for (const [name, args] of JSON.parse(calls)) {
  try {
    results.push(await client.callTool({ name, arguments: args }));
  } catch (error) {
    results.push({ error: { code: error.code, message: error.message } });
  }
}
console.log(JSON.stringify({ server: client.getServerVersion(), instructions: client.getInstructions(), tools, results }));
await client.close();
