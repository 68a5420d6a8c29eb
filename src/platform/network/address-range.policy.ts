/** A range of IP addresses; `base` has no bits set below the prefix. */
export interface AddressRange {
  family: 4 | 6;
  base: bigint;
  prefix: number;
}

const WIDTH = { 4: 32, 6: 128 } as const;
/** IPv6 addresses that are IPv4 addresses in other clothes (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX = 96;
const MAPPED_HIGH = 0xffffn;

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; bits below the prefix are cleared. IPv4-mapped ranges become the
 * IPv4 ranges they stand for. Undefined for what is neither.
 */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', prefixText, rest] = text.trim().split('/');
  const family = address.includes(':') ? 6 : 4;
  const number = family === 4 ? parseIpv4(address) : parseIpv6(address);
  if (number === undefined || rest !== undefined) return undefined;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = prefixText === undefined ? WIDTH[family] : Number(prefixText);
  if (prefix > WIDTH[family]) return undefined;
  const range = clip({ family, base: number, prefix });
  if (family === 6 && prefix >= MAPPED_PREFIX && range.base >> 32n === MAPPED_HIGH) return { family: 4, base: range.base & 0xffffffffn, prefix: prefix - MAPPED_PREFIX };
  return range;
}

export function formatAddressRange(range: AddressRange): string {
  return `${range.family === 4 ? formatIpv4(range.base) : formatIpv6(range.base)}/${range.prefix}`;
}

/** Whether every address of `inner` is one of `outer`. */
export function covers(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.prefix <= inner.prefix && clip({ ...inner, prefix: outer.prefix }).base === outer.base;
}

/** The ranges without those that lie inside another one, in numeric order: the same set always reads the same. */
export function minimalRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = [...ranges].sort((a, b) => a.family - b.family || (a.base < b.base ? -1 : a.base > b.base ? 1 : 0) || a.prefix - b.prefix);
  const kept: AddressRange[] = [];
  for (const range of sorted) {
    if (!kept.some((wider) => covers(wider, range))) kept.push(range);
  }
  return kept;
}

function clip(range: AddressRange): AddressRange {
  const free = BigInt(WIDTH[range.family] - range.prefix);
  return { ...range, base: (range.base >> free) << free };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** RFC 4291, 2.2: eight groups, one run of zeros as `::`, the last two groups perhaps as an IPv4 address. */
function parseIpv6(text: string): bigint | undefined {
  const dotted = /^(.*:)([\d.]+\.[\d.]+)$/.exec(text);
  if (dotted) {
    const low = parseIpv4(dotted[2]!);
    return low === undefined ? undefined : parseIpv6(`${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const [head = '', tail, more] = text.split('::');
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const missing = 8 - before.length - after.length;
  if (more !== undefined || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const all = [...before, ...Array<string>(missing).fill('0'), ...after];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function formatIpv4(base: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((base >> shift) & 0xffn)).join('.');
}

/** The URL standard writes IPv6 addresses in their one canonical form (RFC 5952), which Kubernetes asks for. */
function formatIpv6(base: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((base >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Those of a setting, whose form was checked when it was read. */
export function parseAddressRanges(texts: readonly string[]): AddressRange[] {
  return texts.flatMap((text) => parseAddressRange(text) ?? []);
}
