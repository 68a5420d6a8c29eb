/** Scales a PNG down by averaging areas, and turns it grey where asked: `POST /?width=32&greyscale=true` with `image/png`. */
import { PNG } from 'pngjs';

const DEFAULT_WIDTH = 64;
const LARGEST_WIDTH = 2048;
/** Checked before decoding: a few kilobytes of PNG can unpack to gigabytes. */
const MOST_PIXELS = 16_000_000;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export async function handle(event, context) {
  const type = (event.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type !== 'image/png') return refusal(415, 'send a PNG with content-type image/png');
  const width = event.query.width === undefined ? DEFAULT_WIDTH : Number(event.query.width);
  if (!Number.isInteger(width) || width < 1 || width > LARGEST_WIDTH) return refusal(422, `width must be a whole number from 1 to ${LARGEST_WIDTH}`);
  const greyscale = event.query.greyscale ?? 'false';
  if (greyscale !== 'true' && greyscale !== 'false') return refusal(422, 'greyscale must be true or false');

  const size = declaredSize(event.body);
  if (size === null) return refusal(422, 'the body is not a PNG');
  if (size.width * size.height > MOST_PIXELS) return refusal(422, `the image has more than ${MOST_PIXELS} pixels`);
  let source;
  try {
    source = PNG.sync.read(event.body);
  } catch (error) {
    return refusal(422, `the PNG cannot be read: ${error.message}`);
  }

  const image = scale(source, Math.min(width, source.width));
  if (greyscale === 'true') makeGrey(image);
  const body = encode(image, greyscale === 'true');
  context.logger.info('scaled', { from: `${source.width}x${source.height}`, to: `${image.width}x${image.height}`, bytes: body.length });
  return { statusCode: 200, headers: { 'content-type': 'image/png' }, body };
}

function refusal(statusCode, message) {
  return { statusCode, body: { error: message } };
}

/** Width and height from the first chunk, or null. */
function declaredSize(bytes) {
  if (bytes.length < 33 || !bytes.subarray(0, 8).equals(SIGNATURE) || bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** For each target pixel: which source pixels it covers along one axis, and how much of each. */
function coverage(from, to) {
  const ratio = from / to;
  return Array.from({ length: to }, (_, index) => {
    const start = index * ratio;
    const end = Math.min(from, start + ratio);
    const parts = [];
    for (let at = Math.floor(start); at < end; at += 1) {
      const share = Math.min(end, at + 1) - Math.max(start, at);
      if (share > 1e-9) parts.push([at, share]);
    }
    return parts;
  });
}

/** Box filter: every source pixel counts by the area it shares with the target pixel; colours count by their opacity. */
function scale(source, width) {
  const height = Math.max(1, Math.round((source.height * width) / source.width));
  const data = Buffer.alloc(width * height * 4);
  const columns = coverage(source.width, width);
  const rows = coverage(source.height, height);
  let target = 0;
  for (const row of rows) {
    for (const column of columns) {
      let red = 0, green = 0, blue = 0, opacity = 0, area = 0;
      for (const [y, tall] of row) {
        for (const [x, wide] of column) {
          const at = (y * source.width + x) * 4;
          const share = tall * wide;
          const weight = share * source.data[at + 3];
          red += source.data[at] * weight;
          green += source.data[at + 1] * weight;
          blue += source.data[at + 2] * weight;
          opacity += weight;
          area += share;
        }
      }
      if (opacity > 0) {
        data[target] = Math.round(red / opacity);
        data[target + 1] = Math.round(green / opacity);
        data[target + 2] = Math.round(blue / opacity);
        data[target + 3] = Math.round(opacity / area);
      }
      target += 4;
    }
  }
  return { width, height, data };
}

/** Luma of ITU-R BT.601, in place. */
function makeGrey({ data }) {
  for (let at = 0; at < data.length; at += 4) {
    data.fill(Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]), at, at + 3);
  }
}

/** The smallest of PNG's colour types that loses nothing. */
function encode({ width, height, data }, grey) {
  let opaque = true;
  for (let at = 3; at < data.length && opaque; at += 4) opaque = data[at] === 255;
  const png = new PNG({ width, height });
  png.data = data;
  return PNG.sync.write(png, { colorType: (grey ? 0 : 2) + (opaque ? 0 : 4), inputHasAlpha: true });
}
