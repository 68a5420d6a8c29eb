import { ImageError } from './image-errors.js';
import { formatImageReference, type ImageReference } from './image-reference.js';
import { RegistryClient } from './registry-client.js';
import type { RegistryOptions } from './registry-options.js';

const DOCKER_HUB = 'https://registry-1.docker.io';
const MOST_CLIENTS = 32;

/** Finds the client for an image's registry: the platform's own, configured ones, any other by https without credentials. */
export class RegistryDirectory {
  private readonly clients = new Map<string, RegistryClient>();

  /** @param external how to reach other registries, by host, where https without credentials will not do */
  constructor(
    private readonly own: RegistryClient,
    private readonly external: Readonly<Record<string, RegistryOptions>> = {},
  ) {}

  clientFor(host: string): RegistryClient {
    if (this.own.owns(host)) return this.own;
    const present = this.clients.get(host);
    if (present) return present;
    const made = new RegistryClient(this.external[host] ?? { url: host === 'docker.io' ? DOCKER_HUB : `https://${host}`, attempts: 2, timeoutMs: 10_000 });
    if (this.clients.size >= MOST_CLIENTS) void this.drop(this.clients.keys().next().value!);
    this.clients.set(host, made);
    return made;
  }

  /**
   * Pins an image: a tag is looked up now, so that the revision never changes under its function.
   * The caller has asked {@link demandImageAllowed} before: this connects to the host the reference names.
   * @returns `host/repository@sha256:...`
   * @throws {ImageError} IMAGE_NOT_FOUND, REGISTRY_UNAVAILABLE, REGISTRY_REFUSED
   */
  async resolveDigest(reference: ImageReference, signal?: AbortSignal): Promise<string> {
    const found = await this.clientFor(reference.registry).headManifest(reference.repository, reference.digest ?? reference.tag ?? 'latest', signal);
    if (found === null) throw new ImageError('IMAGE_NOT_FOUND', `The image ${formatImageReference(reference)} does not exist in its registry.`);
    return formatImageReference({ registry: reference.registry, repository: reference.repository, digest: found.digest });
  }

  async close(): Promise<void> {
    await Promise.all([...this.clients.keys()].map((host) => this.drop(host)));
  }

  private async drop(host: string): Promise<void> {
    const client = this.clients.get(host);
    this.clients.delete(host);
    await client?.close();
  }
}
