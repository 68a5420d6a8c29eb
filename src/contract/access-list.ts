/**
 * Who may invoke a tenant's functions: kept by the worker as a Secret in the system namespace of every cluster the tenant
 * is placed on, so that the gateway decides without the control plane. It holds hashes and subjects, no credential.
 */
export interface AccessList {
  tenantId: string;
  tenant: string;
  /** Credentials of API keys that may invoke: two of a key whose rotation overlaps, each with its own end. `hash` is base64url SHA-256 of the whole key: the key has 256 random bits, so a plain hash is enough. */
  keys: { id: string; hash: string; expiresAt: string | null }[];
  /** Members that may invoke, as `issuer` and `sub` of their tokens. */
  members: { issuer: string; subject: string }[];
  /** Invocations per second the gateway admits for the whole tenant, and the burst it allows. */
  rateLimit: { perSecond: number; burst: number };
  /** Invocations of all its functions under way at once, and in any 60 seconds. Without bound where a worker of an earlier version wrote the list. */
  invocations?: { concurrent: number; perMinute: number };
  /** The month has cost what the tenant's quota allows: nothing of it is invoked. */
  spendLimitReached?: true;
}

/** Key inside the Secret's `data`. */
export const ACCESS_LIST_KEY = 'access.json';

/** API keys look like `fnp_<12 hex id>_<43 base64url characters>`; the id is the public prefix. */
export const API_KEY = /^fnp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;
