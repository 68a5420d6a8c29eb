/** CPU as Kubernetes writes it back (`1500` -> `1500m`, `2000` -> `2`), so that desired and observed compare equal. */
export function cpuQuantity(millis: number): string {
  return millis % 1_000 === 0 ? String(millis / 1_000) : `${millis}m`;
}

const DECIMAL_SUFFIXES = ['m', '', 'k', 'M', 'G'];

/** A number as Kubernetes writes it back (`0.5` -> `500m`, `100` -> `100`, `2000` -> `2k`); finer than a thousandth is rounded up. */
export function decimalQuantity(value: number): string {
  let [rest, suffix] = [Math.ceil(value * 1_000 - 1e-6), 0];
  while (rest !== 0 && rest % 1_000 === 0 && suffix < DECIMAL_SUFFIXES.length - 1) [rest, suffix] = [rest / 1_000, suffix + 1];
  return rest === 0 ? '0' : `${rest}${DECIMAL_SUFFIXES[suffix]}`;
}

/** MiB as Kubernetes writes it back (`512` -> `512Mi`, `2048` -> `2Gi`). */
export function mebibyteQuantity(mebibytes: number): string {
  for (const [size, unit] of [[1_048_576, 'Ti'], [1_024, 'Gi']] as const) {
    if (mebibytes !== 0 && mebibytes % size === 0) return `${mebibytes / size}${unit}`;
  }
  return mebibytes === 0 ? '0' : `${mebibytes}Mi`;
}

const FACTORS: Record<string, number> = { '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A quantity as the API server writes it (`500m`, `128Mi`, `2`) in its base unit; NaN for what is none. */
export function parseQuantity(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
  return match ? Number(match[1]) * FACTORS[match[2] ?? '']! : Number.NaN;
}
