import { appendLayer } from '../../src/platform/images/append-layer.js';
import { BaseImages } from '../../src/platform/images/base-images.js';
import { RegistryClient } from '../../src/platform/images/registry-client.js';
import { tenantRepositoryPrefix } from '../../src/platform/images/image-access.policy.js';
import { needed } from './platform.js';

/** Answers each request with a line of its own, and serves no counters: what a tenant's own container may be like. */
const SERVER = `
const { createServer } = require('node:http');
const server = createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok');
  if (request.url === '/metrics') return response.writeHead(404).end();
  const parts = [];
  request.on('data', (part) => parts.push(part)).on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ image: 'TAG', method: request.method, url: request.url, bytes: Buffer.concat(parts).length }));
  });
});
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

/**
 * Pushes an image as a tenant would: to his own part of the registry, by a client that is not the platform.
 * @returns references by tag and by digest
 */
export async function pushCustomImage(tenantId: string, repository: string, tag: string): Promise<{ byTag: string; byDigest: string }> {
  const registry = new RegistryClient({ url: `http://${needed('FNPLANE_TEST_REGISTRY')}` });
  try {
    const { nodeBase } = JSON.parse(needed('FNPLANE_TEST_RUNTIME_IMAGES')) as { nodeBase: string };
    const path = `${tenantRepositoryPrefix(tenantId)}${repository}`;
    const content = Buffer.from(SERVER.replace('TAG', tag));
    const base = await new BaseImages(registry).resolve(nodeBase);
    const entrypoint = [...(base.config.config?.Entrypoint ?? []), '/app/server.cjs'];
    const pushed = await appendLayer(registry, { base, repository: path, folder: 'app', files: [{ type: 'file', path: 'server.cjs', mode: 0o644, content }], changes: { entrypoint }, tag });
    return { byTag: `${registry.pullHost}/${path}:${tag}`, byDigest: pushed.reference };
  } finally {
    await registry.close();
  }
}
