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

/** An SVG document. */
export async function chartOf(rows: readonly Row[]): Promise<string> {
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
  const y = { field: 'workload', type: 'nominal', sort: null, axis: { title: null, labelLimit: 300 } } as const;
  const offset = { field: 'server', sort: Object.values(SERVERS) } as const;
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: 'Requests a second, in units of nginx', anchor: 'start', subtitle: 'ticks: the goals' },
    width: 420,
    height: { step: 14 },
    background: 'white',
    config: { font: 'system-ui, sans-serif', view: { stroke: null } },
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
            legend: { title: null, orient: 'bottom', direction: 'vertical', labelLimit: 400 },
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
  return `${svg}\n`;
}
