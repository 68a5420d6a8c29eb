/** The operator did not answer a wake as it should. */
export class WakeFailedError extends Error {
  override readonly name = 'WakeFailedError';
}
