// Usage: node v2.mjs BINARY WORKSPACE [auto]: the 2.x client, with or without version negotiation.
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { drive } from './drive.mjs';

const [command, workspace, mode] = process.argv.slice(2);
const options = mode ? { versionNegotiation: { mode } } : {};
const client = new Client({ name: 'typescript-v2', version: '2.0.0' }, options);
await client.connect(new StdioClientTransport({ command, args: ['--workspace', workspace] }));
await drive(client, `TypeScript 2 ${mode ?? 'legacy'}`);
await client.close();
console.log(`ok v2 ${mode ?? 'legacy'}`);
