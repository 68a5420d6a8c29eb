/** Where an invocation's end is told: one of them. */
export type AsyncDestination = { function: string } | { webhook: { url: string } };

/** What holds for all asynchronous invocations of a function where they say nothing themselves; null: as everywhere. */
export interface AsyncPolicyBody {
  maxAttempts: number | null;
  maxAgeSeconds: number | null;
  onSuccess: AsyncDestination | null;
  onFailure: AsyncDestination | null;
}

/** What became of an invocation's destination: the invocation that was accepted, the event that is sent, or why there is neither. */
export type DestinationResult = { invocation: string } | { event: string } | { error: { code: string; message: string } };

/** An invocation that more others led to fails: somewhere they go in a circle. */
export const MOST_HOPS = 16;
