/** The ratios as a picture: a bar for each workload and way to serve, nginx as a line at 1, goals as ticks. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Row } from './report.js';

const SERVERS: Readonly<Record<string, string>> = {
  direct: 'sitekernel on a TAP, against nginx over veth',
  socket: 'sitekernel on sockets, against nginx over loopback',
};
/** Bars that are longer are cut there; the number says how long they would be. */
const LONGEST = 5;

/**
 * In pixels: how long and how thick bars are. A phone shows 320 to 400 pixels, which have no room for a label in one
 * line.
 */
const SIZES = {
  wide: { bars: 420, step: 14, labelExpr: 'datum.label', legendExpr: 'datum.label' },
  narrow: {
    bars: 170,
    step: 18,
    labelExpr: 'split(datum.label, /, | as a /)',
    legendExpr: "split(datum.label, ', ')[0]",
  },
} as const;

/**
 * Each colour of the chart, and the one in its place in dark mode. An SVG in an `img` sees the reader's preference by
 * its own media query; the rules overrule what Vega writes as attributes.
 */
const DARK: Readonly<Record<string, string>> = {
  '#ffffff': '#14181b',
  '#1d2328': '#e7e5df',
  '#888888': '#58636b',
  '#dddddd': '#30383d',
  '#0b6e4f': '#3fb98f',
  '#7fb7a3': '#2c6a57',
  '#b00020': '#ff8a66',
};
const INK = '#1d2328';

/** An SVG document, in light and dark colours; `narrow` for a phone. */
export async function chartOf(rows: readonly Row[], size: keyof typeof SIZES = 'wide'): Promise<string> {
  const { bars, step, labelExpr, legendExpr } = SIZES[size];
  const values = rows.flatMap((row) =>
    Object.entries(SERVERS).flatMap(([key, server]) => {
      const cell = row.servers[key];
      if (cell?.ratio === undefined) return [];
      return {
        workload: row.title,
        server,
        ratio: cell.ratio,
        goal: cell.goal?.rate,
        shown: Math.min(cell.ratio, LONGEST),
      };
    }),
  );
  const y = {
    field: 'workload',
    type: 'nominal',
    sort: null,
    axis: { title: null, labelLimit: 0, labelExpr },
  } as const;
  const offset = { field: 'server', sort: Object.values(SERVERS) } as const;
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: 'Requests a second, in units of nginx', anchor: 'start', subtitle: 'ticks: the goals' },
    width: bars,
    height: { step },
    background: '#ffffff',
    config: {
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      axis: { labelColor: INK, domainColor: '#888888', tickColor: '#888888', gridColor: '#dddddd' },
      legend: { labelColor: INK },
      title: { color: INK, subtitleColor: INK },
      text: { color: INK },
      rule: { color: INK },
    },
    data: { values },
    encoding: { y, yOffset: offset },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          x: {
            field: 'shown',
            type: 'quantitative',
            scale: { domain: [0, LONGEST + 0.3] },
            axis: { title: null, tickCount: LONGEST },
          },
          color: {
            field: 'server',
            type: 'nominal',
            sort: Object.values(SERVERS),
            scale: { range: ['#0b6e4f', '#7fb7a3'] },
            legend: { title: null, orient: 'bottom', direction: 'vertical', labelLimit: 0, labelExpr: legendExpr },
          },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 3, fontSize: 10 },
        encoding: { x: { field: 'shown', type: 'quantitative' }, text: { field: 'ratio', format: '.2f' } },
      },
      {
        mark: { type: 'tick', color: '#b00020', thickness: 2 },
        encoding: { x: { field: 'goal', type: 'quantitative' } },
      },
      {
        data: { values: [{}] },
        mark: { type: 'rule', strokeDash: [4, 3] },
        encoding: { x: { datum: 1 }, y: {}, yOffset: {} },
      },
    ],
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  const rules = Object.entries(DARK).map(
    ([light, dark]) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`,
  );
  return `${svg.replace(/<svg[^>]*>/, (tag) => `${tag}<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`)}\n`;
}
