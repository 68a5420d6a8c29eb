import type { RegisteredKey } from '../../platform/crypto/key-register.js';

/** One run over the sealed rows. */
export interface RewrapRun {
  id: string;
  targetKey: string;
  requestedAt: Date;
  finishedAt: Date | null;
  /** Counts are bigint in Postgres. */
  total: string;
  rewrapped: string;
  unreadable: string;
}

/** A key and how many versions of secrets are sealed with it. */
export interface KeyWithUse extends Omit<RegisteredKey, 'checkValue'> {
  versions: string;
}

/** A row whose data key is to be wrapped anew. */
export interface RowToRewrap {
  tenantId: string;
  secretId: string;
  number: number;
  wrappedKey: Buffer;
}
