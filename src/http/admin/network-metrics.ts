import type { Metric, Numbers, Sample } from './metric.js';

/**
 * Numbers that each network has under a name of its own: one metric in all modes. Several names of one network add up.
 */
const COMMON: readonly (Omit<Metric, 'samples'> & { readonly from: readonly string[] })[] = [
  {
    name: 'sitekernel_network_connections_accepted_total',
    type: 'counter',
    help: 'Connections that the network accepted.',
    from: ['connections-accepted', 'accepted'],
  },
  {
    name: 'sitekernel_network_connections_shed_total',
    type: 'counter',
    help: 'Connections that the network let go of because a bound was reached.',
    from: ['connections-shed', 'shedIdle', 'shedSlow', 'shedHalfOpen'],
  },
  {
    name: 'sitekernel_network_connections_open',
    type: 'gauge',
    help: 'Connections that the network holds.',
    from: ['connections-open', 'connectionsOpen'],
  },
  {
    name: 'sitekernel_network_connections_of_predecessors',
    type: 'gauge',
    help: 'Connections that programs before this one still finish on the same address.',
    from: ['connectionsOfPredecessors'],
  },
];

const TAKEN: ReadonlySet<string> = new Set(COMMON.flatMap(({ from }) => from));

/**
 * A network's numbers as metrics. A number that is not a gauge above is a counter: `Network.counters()` has no other
 * kind.
 */
export function networkMetrics(counters: Numbers, drops: Numbers): Metric[] {
  const common = COMMON.map(({ from, ...metric }): Metric => {
    const value = from.reduce((sum, name) => sum + (counters[name] ?? 0), 0);
    return { ...metric, samples: [{ value }] };
  });
  const events = Object.entries(counters)
    .filter(([name]) => !TAKEN.has(name) && !Object.hasOwn(drops, name))
    .map(([name, value]): Sample => ({ labels: { event: snake(name) }, value }));
  const dropped = Object.entries(drops).map(([reason, value]): Sample => ({ labels: { reason }, value }));
  return [
    ...common,
    {
      name: 'sitekernel_network_events_total',
      type: 'counter',
      help: 'What the stack counts, by name; none where the kernel does its work.',
      samples: events,
    },
    {
      name: 'sitekernel_network_drops_total',
      type: 'counter',
      help: 'What the stack dropped, by reason; none where the kernel does its work.',
      samples: dropped,
    },
  ];
}

/** `segments-in` and `segmentsIn` are `segments_in`. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');
}
