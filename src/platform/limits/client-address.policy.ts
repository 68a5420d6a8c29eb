const IPV6 = /^[0-9a-f]*:[0-9a-f:.]*(?:%.*)?$/i;

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 one, which is what a single connection to the internet is given.
 * Text that is no address counts as itself.
 */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  if (!IPV6.test(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]!.split('::', 2);
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - first.length - last.length - (last.at(-1)?.includes('.') ? 1 : 0);
  const all = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last];
  return `${all.slice(0, 4).map((part) => part.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
