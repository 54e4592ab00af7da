// Usage: node v1.mjs BINARY WORKSPACE: the 1.x client, which initializes.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { drive } from './drive.mjs';

const [command, workspace] = process.argv.slice(2);
const client = new Client({ name: 'typescript-v1', version: '1.0.0' });
await client.connect(new StdioClientTransport({ command, args: ['--workspace', workspace] }));
await drive(client, 'TypeScript 1');
await client.close();
console.log('ok v1');
