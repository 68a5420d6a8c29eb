import { contentHash } from '../../platform/kubernetes/drift.js';
import type { Node, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { PRE_PULL_SECONDS } from './manifests/pre-pull-pod.js';

/** Of one owner at once: a deploy should not fill the tenant's quota, nor the registry's line. */
const AT_ONCE = 3;
/** One that is not even started by then will not be. */
const GIVE_UP_MS = (PRE_PULL_SECONDS + 30) * 1_000;

export interface PrePullInput {
  /** Wanted on nodes. */
  images: readonly string[];
  nodes: readonly Node[];
  /** Nodes that run a pod of the image already: they have it, whatever they list. */
  hosts(image: string): ReadonlySet<string>;
  /** Pods that pull for this owner now. */
  pods: readonly Pod[];
  /** `pullKey` of what was asked for before. */
  tried: ReadonlySet<string>;
  /** Most nodes an image is brought to. */
  mostNodes: number;
  /** Pods that may still be made, for all owners together. */
  room: number;
  now: number;
}

export interface PrePullPlan {
  creations: { image: string; node: string }[];
  removals: Pod[];
  /** There is more to do when there is room. */
  waits: boolean;
  againAfterMs: number | undefined;
}

/** Which pods to make and to remove so that nodes have the images. Each node is asked once: it is a favour, not a duty. Pure. */
export function planPrePull(input: PrePullInput): PrePullPlan {
  const { images, pods, room, now } = input;
  const present = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  const removals = present.filter((pod) => isOver(pod, now) || !images.includes(imageOf(pod)));
  const going = present.filter((pod) => !removals.includes(pod));
  const wishes = images.flatMap((image) => lackingNodes(input, image).map((node) => ({ image, node })));
  const creations = wishes.slice(0, Math.max(0, Math.min(AT_ONCE - going.length, room)));
  const latest = going.map((pod) => createdAt(pod, now) + GIVE_UP_MS - now);
  return { creations, removals, waits: creations.length < wishes.length, againAfterMs: latest.length > 0 ? Math.max(250, Math.min(...latest)) : undefined };
}

export function pullKey(image: string, node: string): string {
  return `${image} ${node}`;
}

/** In an order of the image's own, so that not the same few nodes get everything where there are many. */
function lackingNodes({ nodes, hosts, tried, mostNodes }: PrePullInput, image: string): string[] {
  const asked = nodes.filter(({ metadata }) => tried.has(pullKey(image, metadata.name))).length;
  const hosting = hosts(image);
  return nodes
    .filter((node) => takesFunctions(node) && !lists(node, image) && !hosting.has(node.metadata.name) && !tried.has(pullKey(image, node.metadata.name)))
    .map(({ metadata: { name } }) => ({ name, order: contentHash({ image, name }) }))
    .sort((a, b) => a.order.localeCompare(b.order))
    .slice(0, Math.max(0, mostNodes - asked))
    .map(({ name }) => name);
}

/** Whether the scheduler may put a function's pod there: they tolerate nothing. */
function takesFunctions({ spec, status }: Node): boolean {
  const closed = spec?.unschedulable === true || (spec?.taints ?? []).some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  return !closed && (status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false);
}

function lists({ status }: Node, image: string): boolean {
  return status?.images?.some(({ names }) => names?.includes(image)) ?? false;
}

function isOver({ metadata, status }: Pod, now: number): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded' || now - createdAt({ metadata }, now) >= GIVE_UP_MS;
}

function imageOf({ spec }: Pod): string {
  return spec?.containers[0]?.image ?? '';
}

function createdAt({ metadata }: Pick<Pod, 'metadata'>, now: number): number {
  return Date.parse(metadata.creationTimestamp ?? '') || now;
}
