export interface GatewayAddress {
  cluster: string;
  url: string;
}

/** Management addresses of gateways as they are configured: `URL` for one of the process's own cluster, `CLUSTER=URL` for one of another. */
export function gatewaysOf(addresses: readonly string[], own: string): GatewayAddress[] {
  return addresses.map((text) => {
    const [, cluster = own, url = text] = /^([^=:/?#]+)=(.*)$/.exec(text) ?? [];
    return { cluster, url };
  });
}
