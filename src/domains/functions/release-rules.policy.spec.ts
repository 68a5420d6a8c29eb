import { describe, expect, it } from 'vitest';
import type { TrafficRule } from '../../contract/function-resource.js';
import type { FunctionBody } from './function-body.js';
import { closedBrokers } from './kafka-rules.policy.js';
import { namedRevisionProblems, releaseProblems } from './release-rules.policy.js';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';

const body = (more: Partial<FunctionBody>): FunctionBody => ({ name: 'f', runtime: 'python', ...more });
const KAFKA = { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop' };
const steps = (count: number) => Array.from({ length: count }, () => ({ setWeight: 1 }));

describe('releaseProblems', () => {
  it.each<[string, Partial<FunctionBody>]>([
    ['nothing', {}],
    ['zero pods while idle', { scaling: { min: 0, max: 3, idleTimeoutSeconds: 30 } }],
    ['the example of the mission', { scaling: { min: 2, max: 10, metric: 'requests', target: 100 } }],
    ['a metric with its default', { scaling: { max: 2, metric: 'cpu' } }],
    ['what waits in Kafka', { scaling: { min: 0, max: 2, metric: 'kafka-lag', kafka: KAFKA } }],
    ['brokers by TLS with a password', { scaling: { min: 0, max: 2, metric: 'kafka-lag', target: 1_000_000, kafka: { ...KAFKA, startPosition: 'latest', tls: true, sasl: 'PLAIN', secret: 'kafka' } } }],
    ['a target up to the hard limit', { concurrency: 20, scaling: { max: 2, metric: 'concurrency', target: 20 } }],
    ['no rules', { traffic: [] }],
    ['a share, the rest and a tag', { traffic: [{ revision: 1, percent: 30 }, { percent: 70, tag: 'new' }, { revision: 2, percent: 0, tag: 'old' }] }],
    ['the same revision twice', { traffic: [{ revision: 1, percent: 100 }, { revision: 1, percent: 0, tag: 'a' }] }],
    ['a canary of its own steps, in any order', { rollout: { strategy: 'canary', steps: [{ setWeight: 50 }, { pause: {} }, { setWeight: 20 }, { pause: { seconds: 5 } }], analysis: { maxErrorPercent: 5 } } }],
    ['blue-green that promotes itself', { scaling: { min: 0 }, rollout: { strategy: 'blue-green', autoPromoteSeconds: 0, analysis: { maxLatencyMs: 100 } } }],
  ])('accepts %s', (_, more) => {
    expect(releaseProblems(body(more))).toEqual([]);
  });

  it.each<[string, Partial<FunctionBody>, string[]]>([
    ['min above max', { scaling: { min: 3, max: 2 } }, ['/scaling/min']],
    ['Kafka lag of nothing', { scaling: { max: 2, metric: 'kafka-lag', target: 5 } }, ['/scaling/kafka']],
    ['Kafka of another metric', { scaling: { max: 2, metric: 'requests', kafka: KAFKA } }, ['/scaling/kafka']],
    ['Kafka of no metric', { scaling: { max: 2, kafka: KAFKA } }, ['/scaling/kafka']],
    ['Kafka without its parts', { scaling: { max: 2, metric: 'kafka-lag', kafka: {} } }, ['/scaling/kafka/brokers', '/scaling/kafka/topic', '/scaling/kafka/consumerGroup']],
    ['what is no broker', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, brokers: ['kafka.example:9092', 'http://kafka.example'] } } }, ['/scaling/kafka/brokers/1']],
    ['more brokers than are asked', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, brokers: Array.from({ length: 11 }, (_, index) => `b${index}:9092`) } } }, ['/scaling/kafka/brokers']],
    ['what is no topic', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, topic: '..' } } }, ['/scaling/kafka/topic']],
    ['what is no group', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, consumerGroup: 'a\nb' } } }, ['/scaling/kafka/consumerGroup']],
    ['a password without a secret', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, sasl: 'SCRAM-SHA-256' } } }, ['/scaling/kafka/secret']],
    ['a password that everybody reads', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, sasl: 'PLAIN', secret: 'kafka' } } }, ['/scaling/kafka/tls']],
    ['a secret for nothing', { scaling: { metric: 'kafka-lag', kafka: { ...KAFKA, secret: 'kafka' } } }, ['/scaling/kafka/secret']],
    ['a target of nothing', { scaling: { max: 2, target: 5 } }, ['/scaling/metric']],
    ['more than all of the CPU', { scaling: { max: 2, metric: 'cpu', target: 101 } }, ['/scaling/target']],
    ['a target above the hard limit', { concurrency: 5, scaling: { max: 2, metric: 'concurrency', target: 6 } }, ['/scaling/target']],
    ['too little', { traffic: [{ percent: 99 }] }, ['/traffic']],
    ['too much', { traffic: [{ percent: 50 }, { revision: 1, percent: 51 }] }, ['/traffic']],
    ['two that follow', { traffic: [{ percent: 50 }, { percent: 50 }] }, ['/traffic/1/revision']],
    ['a rule for nothing', { traffic: [{ percent: 100 }, { revision: 1, percent: 0 }] }, ['/traffic/1/percent']],
    ['a negative share', { traffic: [{ percent: 150 }, { revision: 1, percent: -50 }] }, ['/traffic/0/percent', '/traffic/1/percent']],
    ['a tag that is none', { traffic: [{ percent: 100, tag: 'Not-' }] }, ['/traffic/0/tag']],
    ['a tag that would split', { traffic: [{ percent: 100, tag: 'a---b' }] }, ['/traffic/0/tag']],
    ['the platform\'s tag', { traffic: [{ percent: 100, tag: 'preview' }] }, ['/traffic/0/tag']],
    ['a tag twice', { traffic: [{ percent: 100, tag: 'a' }, { revision: 1, percent: 0, tag: 'a' }] }, ['/traffic/1/tag']],
    ['nine rules', { traffic: Array.from({ length: 9 }, (_, index) => ({ revision: index + 1, percent: index === 0 ? 100 : 0, tag: `t${index}` })) }, ['/traffic']],
    ['a canary on a function at zero', { scaling: { min: 0 }, rollout: { strategy: 'canary' } }, ['/rollout/strategy']],
    ['steps without a canary', { rollout: { steps: [{ setWeight: 1 }] } }, ['/rollout/steps']],
    ['too many steps', { rollout: { strategy: 'canary', steps: steps(21) } }, ['/rollout/steps']],
    ['a step that says nothing', { rollout: { strategy: 'canary', steps: [{ setWeight: 1 }, {}] } }, ['/rollout/steps/1']],
    ['a step that says two things', { rollout: { strategy: 'canary', steps: [{ setWeight: 1, pause: {} }] } }, ['/rollout/steps/0']],
    ['a canary that promotes itself', { rollout: { strategy: 'canary', autoPromoteSeconds: 1 } }, ['/rollout/autoPromoteSeconds']],
    ['an analysis of what is over', { rollout: { analysis: { maxErrorPercent: 1 } } }, ['/rollout/analysis']],
    ['an analysis without a bound', { rollout: { strategy: 'canary', analysis: { windowSeconds: 10 } } }, ['/rollout/analysis']],
  ])('refuses %s', (_, more, pointers) => {
    expect(releaseProblems(body(more)).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

describe('namedRevisionProblems', () => {
  const known = [{ number: 1, buildState: 'built' }, { number: 2, buildState: 'failed' }, { number: 3, buildState: 'pending' }] as const;

  it.each<[string, TrafficRule[], string[]]>([
    ['what is built or will be', [{ revision: 1, percent: 50 }, { revision: 3, percent: 50 }], []],
    ['what follows the rollout', [{ percent: 100 }], []],
    ['what was pruned or never was', [{ percent: 100 }, { revision: 9, percent: 0, tag: 'a' }], ['/traffic/1/revision']],
    ['what could not be built', [{ revision: 2, percent: 100 }], ['/traffic/0/revision']],
  ])('of %s', (_, traffic, pointers) => {
    expect(namedRevisionProblems(traffic, known).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

describe('closedBrokers', () => {
  it('are addresses outside of the internet that nobody allowed; names are judged when they are called', () => {
    const brokers = ['kafka.example:9092', '10.0.0.1:9092', '[::1]:9092', '1.1.1.1:9092', '10.1.0.1:9092', '[::ffff:127.0.0.1]:1'];
    const rules = { allowed: [parseAddressRange('10.1.0.0/16')!], closed: [parseAddressRange('1.1.1.0/24')!] };
    expect(closedBrokers({ brokers }, '/scaling/kafka', rules).map(({ pointer }) => pointer)).toEqual([1, 2, 3, 5].map((index) => `/scaling/kafka/brokers/${index}`));
  });
});
