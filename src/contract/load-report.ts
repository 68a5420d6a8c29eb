/** Path on a gateway's management port; guarded like `/internal/usage`. */
export const LOAD_PATH = '/internal/load';

/** What one gateway knows of one function's load. Functions that were never asked for are left out. */
export interface FunctionLoad {
  functionId: string;
  /** Requests with a pod, and those that wait for one. */
  inFlight: number;
  waiting: number;
  /** Requests given to pods since the gateway started; monotonic. */
  requests: number;
  /** Unix time in ms of the last moment it had a request. */
  lastActiveAt: number;
}

export interface GatewayLoadReport {
  /** Of the gateway's process: another one counts from 0 again. */
  instance: string;
  functions: FunctionLoad[];
}
