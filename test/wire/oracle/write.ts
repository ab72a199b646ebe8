import { writeFileSync } from 'node:fs';
import { renderDifferences } from './render.js';
import { scenarioNames } from './run.js';

writeFileSync('docs/generated/linux-differences.md', renderDifferences(scenarioNames));
