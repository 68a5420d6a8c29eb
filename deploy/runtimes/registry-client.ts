/** As much of the registry HTTP API as pushing a finished image takes. */
import type { Descriptor, ImageStore, Manifest } from './image-store.ts';
import { MANIFEST_TYPE } from './image-store.ts';

const REQUEST_MS = 60_000;
const ATTEMPTS = 3;

/** `127.0.0.1:5000` and its like speak plain http, everything else https; a value with a scheme keeps it. */
function baseAddress(registry: string): string {
  if (/^https?:\/\//.test(registry)) return registry.replace(/\/$/, '');
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry) ? `http://${registry}` : `https://${registry}`;
}

export class RegistryClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  /** `authorization` is sent as it is where the registry wants credentials. */
  constructor(registry: string, authorization?: string) {
    this.#base = baseAddress(registry);
    this.#headers = authorization ? { authorization } : {};
  }

  async #once(method: string, address: URL, headers: Record<string, string>, body?: Buffer): Promise<Response> {
    const response = await fetch(address, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body ? { body: new Uint8Array(body) } : {}),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (response.status >= 500 || response.status === 429) throw new Error(`${method} ${address.pathname}: ${response.status} ${await response.text()}`);
    return response;
  }

  async #call(method: string, path: string | URL, headers: Record<string, string> = {}, body?: Buffer): Promise<Response> {
    const address = new URL(path, this.#base);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(method, address, headers, body);
      } catch (error) {
        if (attempt >= ATTEMPTS) throw new Error(`the registry ${this.#base} did not do it: ${(error as Error).message}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt * (0.5 + Math.random())));
      }
    }
  }

  async #expect(response: Response, status: number): Promise<Response> {
    if (response.status === status) return response;
    throw new Error(`the registry ${this.#base} answered ${response.status}, not ${status}: ${(await response.text()).slice(0, 500)}`);
  }

  /** Digest a tag points to, or null. */
  async findTag(repository: string, tag: string): Promise<string | null> {
    const response = await this.#call('HEAD', `/v2/${repository}/manifests/${tag}`, { accept: MANIFEST_TYPE });
    return response.status === 200 ? response.headers.get('docker-content-digest') : null;
  }

  async #pushBlob(repository: string, blob: Descriptor, store: ImageStore, mountFrom: string | undefined): Promise<void> {
    const present = await this.#call('HEAD', `/v2/${repository}/blobs/${blob.digest}`);
    if (present.status === 200) return;
    const mount = mountFrom ? `?mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(mountFrom)}` : '';
    const started = await this.#call('POST', `/v2/${repository}/blobs/uploads/${mount}`);
    if (started.status === 201) return;
    await this.#expect(started, 202);
    const target = new URL(started.headers.get('location') ?? '', this.#base);
    target.searchParams.set('digest', blob.digest);
    await this.#expect(await this.#call('PUT', target, { 'content-type': 'application/octet-stream' }, await store.readBlob(blob.digest)), 201);
  }

  /**
   * Pushes blobs, then the manifest under its digest and `tag`. `mounts` names, by blob digest, a repository of the same registry that has it;
   * blobs pushed here are added to it.
   */
  async pushImage(repository: string, tag: string, image: { descriptor: Descriptor; manifest: Manifest }, store: ImageStore, mounts: Map<string, string>): Promise<void> {
    for (const blob of [...image.manifest.layers, image.manifest.config]) {
      await this.#pushBlob(repository, blob, store, mounts.get(blob.digest));
      mounts.set(blob.digest, repository);
    }
    const content = await store.readBlob(image.descriptor.digest);
    await this.#expect(await this.#call('PUT', `/v2/${repository}/manifests/${tag}`, { 'content-type': MANIFEST_TYPE }, content), 201);
  }
}
