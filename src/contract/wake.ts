/** Path on the operator's management port; guarded by an internal token of audience {@link WAKE_AUDIENCE}. */
export const WAKE_PATH = '/internal/wake';
export const WAKE_AUDIENCE = 'wake';

/** A gateway has a request for a function without pods. */
export interface WakeRequest {
  namespace: string;
  name: string;
  functionId: string;
}

/** A pod that answers for the function from now on, before any endpoint says so. */
export interface WakeAnswer {
  pod: string;
  address: string;
  port: number;
  revision: number;
}

/**
 * Asks for pods. Level-triggered underneath: the same is asked by the annotation `wake`, which survives everybody's restarts; this is the short way.
 * Answers as soon as a warm pod is specialized; undefined where the function has to start cold (its pods come by the endpoints then).
 */
export interface Waker {
  wake(request: WakeRequest, signal: AbortSignal): Promise<WakeAnswer | undefined>;
}
