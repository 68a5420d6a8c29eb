import type { NetworkPolicy } from '../../platform/kubernetes/kubernetes-object.js';

/** What a cluster's way in is written as. */
export const ROUTE_KINDS = ['gateway-api', 'ingress'] as const;
export type RouteKind = (typeof ROUTE_KINDS)[number];

type Ingress = NonNullable<NonNullable<NetworkPolicy['spec']>['ingress']>[number];
/** Who may reach pods, as NetworkPolicies say it. */
export type Peer = NonNullable<Ingress['from']>[number];

/** What an installation says of routes. */
export interface RouteSettings {
  kind: RouteKind;
  /** Where the cluster's way in reaches the platform's gateways: IP addresses of one family and one port. */
  gateway: { addresses: readonly string[]; port: number };
  /** Gateway API: the `Gateway` that routes belong to. */
  parent?: { name: string; namespace: string; section?: string };
  /** Gateway API: hosts with certificates of their tenants' get a `Gateway` of this class, that listens at this port. Absent: such certificates are not shown. */
  tls?: { gatewayClass: string; port: number };
  /** Ingress: its class, and annotations of each. */
  ingressClass?: string;
  annotations?: Readonly<Record<string, string>>;
  /** Where the pods that hold the way in stand: they are admitted to functions' pods. Without any, the nodes alone are. */
  peers?: readonly Peer[];
}
