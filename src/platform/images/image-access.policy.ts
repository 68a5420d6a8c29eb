import { ImageError } from './image-errors.js';
import { formatImageReference, type ImageReference } from './image-reference.js';

/** What a tenant may name. */
export interface ImageAccess {
  /** Hosts under which the platform's own registry is known, as nodes and as the platform name it. */
  registryHosts: readonly string[];
  /** The tenant's part of the platform's registry, e.g. `tenants/<id>/`. */
  tenantRepositoryPrefix: string;
  /** The operator's list: hosts, or hosts with a path, `registry.example` or `registry.example/team`. Nothing else is allowed. */
  allowedExternal: readonly string[];
}

/** Repositories of one tenant in the platform's registry. */
export function tenantRepositoryPrefix(tenantId: string): string {
  return `tenants/${tenantId}/`;
}

/** Whether a tenant may run an image: its own in the platform's registry, others' registries by the operator's list. */
export function isImageAllowed(reference: ImageReference, access: ImageAccess): boolean {
  const prefix = access.tenantRepositoryPrefix.endsWith('/') ? access.tenantRepositoryPrefix : `${access.tenantRepositoryPrefix}/`;
  if (access.registryHosts.some((host) => host.toLowerCase() === reference.registry)) return reference.repository.startsWith(prefix);
  const name = `${reference.registry}/${reference.repository}`;
  return access.allowedExternal.some((entry) => {
    const allowed = entry.replace(/\/?\*?$/, '').toLowerCase();
    return allowed !== '' && (name === allowed || name.startsWith(`${allowed}/`));
  });
}

/** @throws {ImageError} IMAGE_NOT_ALLOWED; another tenant's image and one that does not exist get the same words */
export function demandImageAllowed(reference: ImageReference, access: ImageAccess): void {
  if (isImageAllowed(reference, access)) return;
  const allowed = access.allowedExternal.length > 0 ? `Images may come from ${access.allowedExternal.join(', ')}` : 'The operator of this platform allows no images from other registries';
  throw new ImageError('IMAGE_NOT_ALLOWED', `The image ${formatImageReference(reference)} may not be used here. ${allowed}, or deploy from source.`);
}
