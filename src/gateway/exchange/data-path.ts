import type { Logger } from 'pino';
import type { Authenticator } from '../auth/authenticator.js';
import type { TriggerTokens } from '../auth/trigger-tokens.js';
import type { GatewayMetrics } from '../counters/gateway-metrics.js';
import type { UsageCounters } from '../counters/usage-counters.js';
import type { GatewayLimits } from '../gateway-limits.js';
import type { DeadlineSweeper } from '../limits/deadline-sweeper.js';
import type { FairShare } from '../limits/fair-share.js';
import type { RouteTable } from '../routing/route-table.js';
import type { WakeDesk } from '../waking/wake-desk.js';
import type { Tunnel } from './tunnel.js';

/** What every request of one gateway shares. */
export interface DataPath {
  readonly limits: GatewayLimits;
  readonly table: RouteTable;
  readonly authenticator: Authenticator;
  readonly triggerTokens: TriggerTokens;
  readonly share: FairShare;
  readonly desk: WakeDesk;
  readonly sweeper: DeadlineSweeper;
  readonly metrics: GatewayMetrics;
  readonly usage: UsageCounters;
  readonly log: Logger;
  /** `.fn.example` where functions have hosts of their own below `fn.example`. */
  readonly hostSuffix: string | undefined;
  readonly trustForwarded: boolean;
  /** Bytes of all buffered request bodies. */
  bufferedBytes: number;
  /** WebSockets that are open. */
  readonly tunnels: Set<Tunnel>;
  /** The gateway is stopping: connections close after their present answer. */
  draining: boolean;
}
