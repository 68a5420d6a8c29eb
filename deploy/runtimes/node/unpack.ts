import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const BLOCK = 512;

/** Path of `name` below `folder`. Nothing that is written may lie outside of it. */
export function inside(folder: string, name: string): string {
  if (name === '' || name.startsWith('/') || name.includes('\0') || name.split('/').includes('..')) throw new Error(`${JSON.stringify(name)} would lie outside of ${folder}`);
  return join(folder, name);
}

/** Writes a file that must not exist yet, with its folders. */
export function writeNew(path: string, content: Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { flag: 'wx', mode });
  // Without the umask's say.
  chmodSync(path, mode);
}

function text(block: Buffer, from: number, length: number): string {
  const part = block.subarray(from, from + length);
  const end = part.indexOf(0);
  return part.toString('utf8', 0, end < 0 ? length : end);
}

function octal(block: Buffer, from: number, length: number): number {
  const digits = text(block, from, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new Error('the code is no tar');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Records of a pax header: `<length> <key>=<value>\n`, the length in bytes. */
function paxRecords(content: Buffer): Record<string, string> {
  const records: Record<string, string> = {};
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const length = Number(content.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - at + 1) throw new Error('the code is no tar');
    const [key = '', ...value] = content.toString('utf8', space + 1, at + length - 1).split('=');
    records[key] = value.join('=');
    at += length;
  }
  return records;
}

/** Takes the folder `function` out of an image layer (a plain tar), as it would lie in an image of its own. */
export function unpackCode(layer: Buffer, folder: string): void {
  let pax: Record<string, string> = {};
  for (let at = 0; at + BLOCK <= layer.length;) {
    const header = layer.subarray(at, at + BLOCK);
    if (header[0] === 0) return;
    const type = String.fromCharCode(header[156] ?? 0);
    const size = octal(header, 124, 12);
    const content = layer.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new Error('the code is cut off');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') {
      pax = paxRecords(content);
      continue;
    }
    const prefix = text(header, 345, 155);
    const name = pax['path'] ?? (prefix ? `${prefix}/` : '') + text(header, 0, 100);
    place(folder, name, type, content, octal(header, 100, 8), pax['linkpath'] ?? text(header, 157, 100));
    pax = {};
  }
}

function place(folder: string, name: string, type: string, content: Buffer, mode: number, target: string): void {
  if (!name.startsWith('function/') || name === 'function/') return;
  const path = inside(folder, name.slice('function/'.length));
  if (type === '0' || type === '\0') writeNew(path, content, mode & 0o555);
  else if (type === '5') mkdirSync(path, { recursive: true, mode: 0o755 });
  else if (type === '2') symlinkSync(target, path);
}
