/**
 * Settles with `work`, or rejects as soon as the signal aborts. For work that is given the same signal and may not heed it: a request that waits for a
 * connection whose server takes it and says nothing goes on waiting.
 * @param late what to do with a result that comes after all.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal, late?: (result: T) => void): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    work.then((result) => late?.(result), () => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort!);
  }
}
