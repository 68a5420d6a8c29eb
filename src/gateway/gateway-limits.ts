/** Bounds of one gateway process. Every queue, cache and buffer of the data path has its limit here. */
export interface GatewayLimits {
  /** Bytes of a request's header section, and how many fields it may have; more is 431. */
  maxHeaderBytes: number;
  maxHeaders: number;
  /** Bytes of a request body; more is 413. Bodies are streamed, so this is not memory. */
  maxBodyBytes: number;
  /** Bodies up to this size are read before a pod is chosen: a slow upload then holds no pod, and a retry is possible. */
  bufferedBodyBytes: number;
  /** Bytes all buffered bodies may hold together; beyond it small bodies are streamed as well. */
  bufferedTotalBytes: number;
  /** Longest time the upload of a buffered body may take. */
  bodyReadTimeoutMs: number;
  /** Requests admitted and not yet answered, over all functions; shared out by `FairShare`. */
  maxInFlight: number;
  maxConnections: number;
  /** Requests of one function that may wait for a pod, and how long each waits at most. */
  maxWaitingPerFunction: number;
  maxWaitMs: number;
  /** How long a request waits at most for a function without any pod: long enough for a cold start, whatever the function's own timeout. */
  maxWakeWaitMs: number;
  /** How long a pod that answers is used although no endpoint says that it is ready. */
  earlyPodMs: number;
  /** Connections to one pod: also the in-flight limit of a function without a concurrency limit. */
  podConnections: number;
  connectTimeoutMs: number;
  /** Further attempts after the first one failed before the function saw anything. */
  maxRetries: number;
  /** Head start of the runtime's own timeout answer over the gateway's. */
  timeoutGraceMs: number;
  /** Credentials remembered as verified, for each tenant; token verifications remembered and under way, in all. */
  verifiedCredentialsPerTenant: number;
  verifiedTokens: number;
  pendingVerifications: number;
  /** Series in `/metrics` that name a function; the rest are summed as `_other`. */
  maxFunctionSeries: number;
  /** Rate for tenants without an access list (only their public functions are reachable). */
  defaultRate: { perSecond: number; burst: number };
  /** Gateways that share the tenants' limits: each admits its part of them. */
  gateways: number;
  /** Client connections are kept this long without a request. */
  keepAliveMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_GATEWAY_LIMITS: Readonly<GatewayLimits> = {
  maxHeaderBytes: 16 * KIB,
  maxHeaders: 100,
  maxBodyBytes: 32 * MIB,
  bufferedBodyBytes: 64 * KIB,
  bufferedTotalBytes: 64 * MIB,
  bodyReadTimeoutMs: 30_000,
  maxInFlight: 8192,
  maxConnections: 16_384,
  maxWaitingPerFunction: 1024,
  maxWaitMs: 10_000,
  maxWakeWaitMs: 30_000,
  earlyPodMs: 30_000,
  podConnections: 256,
  connectTimeoutMs: 1000,
  maxRetries: 2,
  timeoutGraceMs: 250,
  verifiedCredentialsPerTenant: 1024,
  verifiedTokens: 10_000,
  pendingVerifications: 256,
  maxFunctionSeries: 1000,
  defaultRate: { perSecond: 100, burst: 200 },
  gateways: 1,
  keepAliveMs: 65_000,
};
