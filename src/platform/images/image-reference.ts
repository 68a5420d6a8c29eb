import { ImageError } from './image-errors.js';

/** A container image's full name, as the distribution specification and Docker read it. */
export interface ImageReference {
  /** Host in lower case with its port, e.g. `registry.example:5000`. */
  registry: string;
  repository: string;
  tag?: string;
  /** `sha256:<64 hex>`. */
  digest?: string;
}

// Grammar: https://pkg.go.dev/github.com/distribution/reference, with sha256 as the only digest algorithm.
const HOST = /^(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const LONGEST = 512;

/**
 * Reads `host/repository[:tag][@sha256:...]`. Without a host it is Docker Hub's, as everywhere; without tag and digest, `latest`.
 * @throws {ImageError} IMAGE_REFERENCE_INVALID
 */
export function parseImageReference(text: string): ImageReference {
  const refuse = (why: string): ImageError =>
    new ImageError('IMAGE_REFERENCE_INVALID', `${JSON.stringify(text.slice(0, 200))} is not an image reference: ${why}. Use host/repository:tag or host/repository@sha256:...`);
  if (text.length > LONGEST) throw refuse('it is too long');
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) throw refuse('its digest must be sha256: and 64 hex digits in lower case');
  const colon = named.lastIndexOf(':');
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw refuse('its tag has characters that are not allowed');
  const name = tag === undefined ? named : named.slice(0, colon);
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = first.includes('.') || first.includes(':') || first === 'localhost';
  const registry = hasHost ? first.toLowerCase() : 'docker.io';
  if (!HOST.test(registry)) throw refuse('its host has characters that are not allowed');
  const path = hasHost ? name.slice(slash + 1) : name;
  if (!REPOSITORY.test(path)) throw refuse('its repository must be lower-case words divided by / . _ or -');
  const repository = !hasHost && !path.includes('/') ? `library/${path}` : path;
  const reference: ImageReference = { registry, repository };
  if (tag !== undefined) reference.tag = tag;
  if (digest !== undefined) reference.digest = digest;
  if (tag === undefined && digest === undefined) reference.tag = 'latest';
  return reference;
}

/** `host/repository@sha256:...` where the digest is known, else with the tag. */
export function formatImageReference(reference: ImageReference): string {
  const name = `${reference.registry}/${reference.repository}`;
  return reference.digest === undefined ? `${name}:${reference.tag ?? 'latest'}` : `${name}@${reference.digest}`;
}
