import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Capabilities } from '@holdfast/store';
import { invalidArgument } from '@holdfast/store/adapter';
import { asError } from '../as-error.js';
import { checkFunction, checkOptions, checkText } from '../check.js';
import { patience } from '../clock/patience.js';
import type { ConformanceBackend } from './backend.js';
import { whySkipped, type ConformanceCase } from './case.js';
import { conformanceCases } from './index.js';
import { conformanceReport, toMarkdown } from './report.js';
import { runCase, type CaseReport } from './run.js';

// What the bindings to test runners share. Each of them makes a test of every case, and this runs it.

export interface DescribeConformanceOptions {
  /** The most milliseconds that one case may take. Default 60,000. `HOLDFAST_PATIENCE` multiplies it. */
  readonly timeoutMs?: number;
  /**
   * Files that the report is written to after the last case: as JSON if the name ends with `.json`, as Markdown if it ends with `.md`. By
   * default none.
   */
  readonly report?: string | readonly string[];
}

/** The suite on one backend, for a test runner. */
export class ConformanceRun {
  readonly timeoutMs: number;
  readonly #name: string;
  readonly #makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend;
  readonly #files: readonly string[];
  readonly #reports: CaseReport[] = [];
  #backend: ConformanceBackend | undefined;
  #declared: { readonly capabilities: Capabilities; readonly version: string | undefined } | undefined;

  /** @throws StoreError `invalid-argument` */
  constructor(
    name: string,
    makeBackend: () => Promise<ConformanceBackend> | ConformanceBackend,
    options: DescribeConformanceOptions,
  ) {
    checkText(name, 'describeConformance(name)', "'my-store'");
    checkFunction(makeBackend, 'describeConformance(name, makeBackend)');
    checkOptions(options, ['timeoutMs', 'report'], 'describeConformance()');
    const { timeoutMs = 60_000, report = [] } = options;
    this.#name = name;
    this.#makeBackend = makeBackend;
    this.timeoutMs = timeoutMs * patience();
    this.#files = typeof report === 'string' ? [report] : report;
    for (const file of this.#files) checkFile(file);
  }

  /** Makes the backend, and reads what it declares. */
  async start(): Promise<void> {
    // Kept at once: what it has started ends with the run, also if it can't be opened.
    this.#backend = await this.#makeBackend();
    const store = await this.#backend.open();
    const version = await store.status().then(
      (status) => status.version,
      () => undefined,
    );
    this.#declared = { capabilities: store.capabilities, version };
    await store.close();
  }

  /** Why the case does not apply to this backend; `undefined` if it does. */
  whySkipped(conformanceCase: ConformanceCase): string | undefined {
    const { backend, capabilities } = this.#bound();
    return whySkipped(conformanceCase, capabilities, backend.hooks);
  }

  /** Runs a case, or notes that it was skipped. Throws what the case throws. */
  async run(conformanceCase: ConformanceCase): Promise<CaseReport> {
    const reason = this.whySkipped(conformanceCase);
    if (reason !== undefined) return this.#note({ case: conformanceCase, outcome: { status: 'skipped', reason } });
    try {
      const facts = await runCase(conformanceCase, this.#bound().backend);
      return this.#note({ case: conformanceCase, outcome: { status: 'passed', ...facts } });
    } catch (error) {
      this.#note({ case: conformanceCase, outcome: { status: 'failed', error: asError(error) } });
      throw error;
    }
  }

  /** Ends the backend, and writes the reports, also if the backend does not end well. */
  async finish(): Promise<void> {
    try {
      await this.#backend?.close?.();
    } finally {
      this.#report();
    }
  }

  #report(): void {
    const inOrder = conformanceCases.flatMap(({ id }) => this.#reports.filter((each) => each.case.id === id));
    const report = conformanceReport(this.#name, inOrder, {
      capabilities: this.#declared?.capabilities,
      version: this.#declared?.version,
    });
    for (const file of this.#files) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, file.endsWith('.md') ? toMarkdown(report) : `${JSON.stringify(report, undefined, 2)}\n`);
    }
    const skipped = report.cases.filter(({ status }) => status === 'skipped');
    appendLine({
      backend: this.#name,
      cases: report.cases.length - skipped.length,
      skipped: skipped.length,
      skippedCases: Object.fromEntries(skipped.map(({ id, reason }) => [id, reason])),
    });
  }

  #note(report: CaseReport): CaseReport {
    this.#reports.push(report);
    return report;
  }

  #bound() {
    if (this.#backend === undefined || this.#declared === undefined) {
      throw new Error(`the binding of ${this.#name} could not be made`);
    }
    return { backend: this.#backend, capabilities: this.#declared.capabilities };
  }
}

function checkFile(file: unknown): void {
  if (typeof file === 'string' && /\.(json|md)$/.test(file)) return;
  throw invalidArgument('report must be the name of a file that ends with .json or .md, or an array of such names');
}

function appendLine(line: Record<string, unknown>): void {
  const file = process.env['HOLDFAST_CONFORMANCE_REPORT'];
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(line)}\n`);
}
