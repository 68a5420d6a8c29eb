/** What is being done to bring one function's pods, and when more of it is due (monotonic ms). */
export class WakeState {
  /** A waker was asked and has not answered. */
  waking = false;
  wakeAfter = 0;
  /** Failures and empty answers in a row. */
  misses = 0;
  /** The annotation is being written. */
  marking = false;
  markAfter = 0;
  marks = 0;
  /** Since when a request has waited without there being a pod; 0 while none does. */
  coldSince = 0;
  /** A pod of the pool was brought meanwhile. */
  warm = false;
  /** Ids of the endpoints that are being probed. */
  readonly probing = new Set<string>();
}
