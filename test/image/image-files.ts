import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ImageFile {
  /** From the image's root, with a leading slash. */
  path: string;
  kind: 'file' | 'folder' | 'link' | 'other';
  size: number;
  mode: number;
  uid: number;
  gid: number;
}

/** Everything in a mounted image. Links are not followed, as Node's own recursive listing does: `/bin` is one to `/usr/bin`. */
export function listImage(root: string, folder = ''): ImageFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    const { size, mode, uid, gid } = lstatSync(join(root, path));
    const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other';
    const file: ImageFile = { path, kind, size: kind === 'file' ? size : 0, mode: mode & 0o7777, uid, gid };
    return kind === 'folder' ? [file, ...listImage(root, path)] : [file];
  });
}

/** Certificates of a PEM bundle, each as one line of base64: equal lines, equal certificates. */
export function certificatesOf(bundle: string): Set<string> {
  const blocks = bundle.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g);
  return new Set([...blocks].map(([, body = '']) => body.replaceAll(/\s/g, '')));
}

/** Files that contain one of `texts`. */
export function filesWith(root: string, files: readonly ImageFile[], texts: readonly string[]): string[] {
  const needles = texts.map((text) => Buffer.from(text));
  return files.filter((file) => {
    if (file.kind !== 'file') return false;
    const content = readFileSync(join(root, file.path));
    return needles.some((needle) => content.includes(needle));
  }).map((file) => file.path);
}
