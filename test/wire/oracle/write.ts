import { writeFileSync } from 'node:fs';
import { datagramScenarios } from './datagram-scenarios.js';
import { renderDifferences } from './render.js';
import { tcpScenarios } from './tcp-scenarios.js';

const names = [...Object.keys(tcpScenarios), ...Object.keys(datagramScenarios)];
writeFileSync('docs/linux-differences.md', renderDifferences(names));
