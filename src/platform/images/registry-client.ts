import { createHash } from 'node:crypto';
import { ImageError } from './image-errors.js';
import { MEDIA_TYPE } from './media-types.js';
import type { RegistryOptions } from './registry-options.js';
import { backoff, RegistryTransport, type RegistryAnswer } from './registry-transport.js';

const MANIFESTS = [MEDIA_TYPE.ociManifest, MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerManifest, MEDIA_TYPE.dockerIndex].join(', ');

const MIB = 1024 * 1024;
const MANIFEST_LIMIT = 4 * MIB; // what registries accept at least, by the specification
const CHUNK = 32 * MIB;
const UPLOAD_ATTEMPTS = 3;
const OCTETS = 'application/octet-stream';

export interface ManifestHead {
  digest: string;
  mediaType: string;
  size: number;
}

export interface Manifest extends ManifestHead {
  bytes: Buffer;
}

/** `sha256:<hex>` of some bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * The distribution HTTP API of one registry (https://github.com/opencontainers/distribution-spec). Everything read by
 * digest is checked against it. Methods reject with {@link ImageError}: REGISTRY_UNAVAILABLE (try later) or REGISTRY_REFUSED.
 */
export class RegistryClient {
  /** Host as this process names the registry. */
  readonly host: string;
  /** Host as nodes name it: part of every reference handed out. */
  readonly pullHost: string;
  private readonly transport: RegistryTransport;
  private readonly attempts: number;

  constructor(options: RegistryOptions) {
    this.transport = new RegistryTransport(options);
    this.host = new URL(options.url).host;
    this.pullHost = options.pullHost ?? this.host;
    this.attempts = options.attempts ?? UPLOAD_ATTEMPTS;
  }

  /** Whether a reference's host means this registry. */
  owns(host: string): boolean {
    return host === this.host || host === this.pullHost;
  }

  /** Digest, type and size of a manifest by tag or digest, or null. */
  async headManifest(repository: string, reference: string, signal?: AbortSignal): Promise<ManifestHead | null> {
    const answer = await this.transport.send({
      method: 'HEAD', path: `/v2/${repository}/manifests/${reference}`, scope: pull(repository), headers: { accept: MANIFESTS }, signal,
    });
    if (answer.status === 404) return null;
    const digest = header(answer, 'docker-content-digest');
    // The digest header is optional in the specification: without it the content tells.
    if (!digest) return this.getManifest(repository, reference, signal);
    return { digest, mediaType: header(answer, 'content-type'), size: Number(header(answer, 'content-length')) };
  }

  /** A manifest or index by tag or digest, or null. */
  async getManifest(repository: string, reference: string, signal?: AbortSignal): Promise<Manifest | null> {
    const answer = await this.transport.send({
      method: 'GET', path: `/v2/${repository}/manifests/${reference}`, scope: pull(repository), headers: { accept: MANIFESTS }, limit: MANIFEST_LIMIT, signal,
    });
    if (answer.status === 404) return null;
    const digest = digestOf(answer.body);
    if (reference.includes(':')) this.demandDigest(reference, digest);
    return { digest, mediaType: header(answer, 'content-type').split(';')[0]!, size: answer.body.length, bytes: answer.body };
  }

  async hasBlob(repository: string, digest: string, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.transport.send({ method: 'HEAD', path: `/v2/${repository}/blobs/${digest}`, scope: pull(repository), signal });
    return answer.status === 200;
  }

  /** A blob of at most `limit` bytes, or null. */
  async getBlob(repository: string, digest: string, limit: number, signal?: AbortSignal): Promise<Buffer | null> {
    const answer = await this.transport.send({ method: 'GET', path: `/v2/${repository}/blobs/${digest}`, scope: pull(repository), limit, signal });
    if (answer.status === 404) return null;
    this.demandDigest(digest, digestOf(answer.body));
    return answer.body;
  }

  /**
   * Makes a blob of one repository known in another without moving it.
   * @returns false where the registry would rather have it uploaded
   */
  async mountBlob(repository: string, digest: string, from: string, signal?: AbortSignal): Promise<boolean> {
    const path = `/v2/${repository}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const answer = await this.transport.send({ method: 'POST', path, scope: `${push(repository)} ${pull(from)}`, headers: { 'content-length': '0' }, signal });
    if (answer.status === 201) return true;
    const upload = header(answer, 'location');
    if (upload) await this.transport.send({ method: 'DELETE', path: upload, scope: push(repository), once: true, signal }).catch(() => undefined);
    return false;
  }

  /** Uploads a blob unless it is there: in one piece, or in parts where it is big. Begun anew when the connection breaks. */
  async uploadBlob(repository: string, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    if (await this.hasBlob(repository, digest, signal)) return;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.uploadOnce(repository, digest, bytes, signal);
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ImageError) || error.code !== 'REGISTRY_UNAVAILABLE' || attempt >= this.attempts) throw error;
        await backoff(attempt, signal);
      }
    }
  }

  private async uploadOnce(repository: string, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    const scope = push(repository);
    const begun = await this.transport.send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/`, scope, headers: { 'content-length': '0' }, signal });
    let place = demandLocation(begun);
    let rest = bytes;
    for (let start = 0; bytes.length > CHUNK && start < bytes.length; start += CHUNK) {
      const part = bytes.subarray(start, start + CHUNK);
      const headers = { 'content-type': OCTETS, 'content-range': `${start}-${start + part.length - 1}` };
      place = demandLocation(await this.transport.send({ method: 'PATCH', path: place, scope, headers, body: part, once: true, signal }));
      rest = bytes.subarray(start + part.length);
    }
    const url = `${place}${place.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
    const done = await this.transport.send({
      method: 'PUT', path: url, scope, headers: { 'content-type': OCTETS, 'content-length': String(rest.length) }, body: rest, once: true, signal,
    });
    if (done.status !== 201) throw unexpected('an upload', done);
  }

  /** Stores a manifest under its digest, and under `tag` where one is given. Returns the digest. */
  async putManifest(repository: string, bytes: Buffer, mediaType: string, tag?: string, signal?: AbortSignal): Promise<string> {
    const digest = digestOf(bytes);
    const answer = await this.transport.send({
      method: 'PUT', path: `/v2/${repository}/manifests/${tag ?? digest}`, scope: push(repository), headers: { 'content-type': mediaType }, body: bytes, signal,
    });
    if (answer.status !== 201) throw unexpected('a manifest', answer);
    return digest;
  }

  /** Removes a manifest and every tag of it. A missing one is no error; a registry that does not delete is REGISTRY_REFUSED. */
  async deleteManifest(repository: string, digest: string, signal?: AbortSignal): Promise<void> {
    await this.transport.send({ method: 'DELETE', path: `/v2/${repository}/manifests/${digest}`, scope: `repository:${repository}:delete`, signal });
  }

  /** Tags of a repository, page by page; none for a repository that does not exist. */
  async *tags(repository: string, signal?: AbortSignal): AsyncGenerator<string> {
    let path: string | undefined = `/v2/${repository}/tags/list?n=100`;
    while (path !== undefined) {
      const answer: RegistryAnswer = await this.transport.send({ method: 'GET', path, scope: pull(repository), signal });
      if (answer.status === 404) return;
      yield* (JSON.parse(answer.body.toString('utf8')) as { tags: string[] | null }).tags ?? [];
      path = /<([^>]+)>;\s*rel="?next"?/.exec(header(answer, 'link'))?.[1];
    }
  }

  async close(): Promise<void> {
    await this.transport.close();
  }

  private demandDigest(wanted: string, found: string): void {
    if (wanted === found) return;
    throw new ImageError('REGISTRY_REFUSED', `The registry at ${this.host} answered content whose digest is not ${wanted}.`);
  }
}

function pull(repository: string): string {
  return `repository:${repository}:pull`;
}

function push(repository: string): string {
  return `repository:${repository}:pull,push`;
}

function header(answer: RegistryAnswer, name: string): string {
  const value = answer.headers[name];
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
}

function demandLocation(answer: RegistryAnswer): string {
  const location = header(answer, 'location');
  if ((answer.status !== 202 && answer.status !== 201) || location === '') throw unexpected('an upload', answer);
  return location;
}

function unexpected(what: string, answer: RegistryAnswer): ImageError {
  return new ImageError('REGISTRY_REFUSED', `The registry answered ${answer.status} to ${what}.`);
}
