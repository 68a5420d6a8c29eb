export interface BrokerAddress {
  host: string;
  port: number;
}

const NAME = /^(?=.{1,253}$)[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\.?$/;
const PARTS = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^[\]:]{1,254})):(\d{1,5})$/;
/** What stands for a number is an address to some resolvers: `127.1`, `0x7f000001`. */
const NUMBER = /^(0x[0-9a-f]*|\d+)$/i;
const IPV4 = /^(\d{1,3}\.){3}\d{1,3}$/;

/** Reads `host:port`, `1.2.3.4:port` or `[address]:port`; undefined for what is neither. Pure. */
export function parseBrokerAddress(text: string): BrokerAddress | undefined {
  const [, bracketed, name = '', port = ''] = PARTS.exec(text) ?? [];
  const number = Number(port);
  if (port === '' || number < 1 || number > 65_535) return undefined;
  if (bracketed !== undefined) return bracketed.includes(':') ? { host: bracketed, port: number } : undefined;
  if (!NAME.test(name)) return undefined;
  const last = name.replace(/\.$/, '').split('.').at(-1) ?? '';
  return NUMBER.test(last) && !IPV4.test(name) ? undefined : { host: name, port: number };
}

export function formatBrokerAddress({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
