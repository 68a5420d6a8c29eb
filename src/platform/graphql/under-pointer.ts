import { DomainError } from '../errors/domain-error.js';

/** Field problems of a part of an input, told from the input's root: services point into the function, GraphQL callers sent more around it. */
export async function underPointer<T>(prefix: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.fields.length === 0) throw error;
    const fields = error.fields.map(({ pointer, message }) => ({ pointer: pointer.startsWith('/') ? `${prefix}${pointer}` : pointer, message }));
    throw new DomainError(error.kind, error.code, error.message, { fields, details: { ...error.details }, retryAfterSeconds: error.retryAfterSeconds, cause: error });
  }
}
