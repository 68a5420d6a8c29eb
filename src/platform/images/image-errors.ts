import { DomainError, type DomainErrorOptions, type ErrorKind } from '../errors/domain-error.js';

/** Codes of images and registries, each with its one kind. */
export const IMAGE_ERROR_KINDS = {
  IMAGE_REFERENCE_INVALID: 'invalid',
  IMAGE_NOT_ALLOWED: 'invalid',
  IMAGE_NOT_FOUND: 'invalid',
  IMAGE_UNSUPPORTED: 'invalid',
  IMAGE_TOO_LARGE: 'too-large',
  REGISTRY_UNAVAILABLE: 'unavailable',
  REGISTRY_REFUSED: 'upstream',
} as const satisfies Record<string, ErrorKind>;
export type ImageErrorCode = keyof typeof IMAGE_ERROR_KINDS;

export class ImageError extends DomainError<ImageErrorCode> {
  constructor(code: ImageErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(IMAGE_ERROR_KINDS[code], code, message, options);
    this.name = 'ImageError';
  }
}
