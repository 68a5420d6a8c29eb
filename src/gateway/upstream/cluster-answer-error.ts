/** The API server answered in its own name, not the function. */
export class ClusterAnswerError extends Error {
  override readonly name = 'ClusterAnswerError';

  /** @param unready the API server found no instance to pass the request to. */
  constructor(
    readonly status: number,
    readonly unready: boolean,
  ) {
    super(`the API server answered ${status}`);
  }
}
