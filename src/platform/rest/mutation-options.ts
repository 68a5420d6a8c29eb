import { applyDecorators, SetMetadata } from '@nestjs/common';

export const SKIP_MUTATION_RUNNER = Symbol('fnplane:skip-mutation-runner');
const SKIP_PREVIEW = Symbol('fnplane:skip-preview');

/** Methods that change nothing. */
export const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** No `Idempotency-Key`: for routes that are idempotent by their address (uploads by content hash). */
export function NotReplayed() {
  return SetMetadata(SKIP_MUTATION_RUNNER, true);
}

/** Neither `Idempotency-Key` nor `?validateOnly`: for routes that only pass on what is asked for (invocations). */
export function PassedOn() {
  return applyDecorators(NotReplayed(), SetMetadata(SKIP_PREVIEW, true));
}

/** Whether a mutating handler takes `Idempotency-Key`. */
export function isReplayed(handler: object): boolean {
  return Reflect.getMetadata(SKIP_MUTATION_RUNNER, handler) !== true;
}

/** Whether a mutating handler takes `?validateOnly`. */
export function isPreviewed(handler: object): boolean {
  return Reflect.getMetadata(SKIP_PREVIEW, handler) !== true;
}
