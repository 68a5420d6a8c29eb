/** The caller sent more than the gateway admits. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}
