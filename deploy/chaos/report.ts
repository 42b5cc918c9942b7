/** What a run has to say, as text. */
import type { Violation } from "./check/account.ts";
import type { Recovery } from "./check/recovery.ts";
import { formatEvent } from "./history.ts";
import type { RunResult } from "./run.ts";

/** Violations that are told in full; more of them say the same mostly. */
const SHOWN = 5;

/** @param again the command line that does the same once more */
export function formatReport(result: RunResult, seed: number, again: string): string {
  const { violations, recoveries, commands, succeeded, connections, memory, folder } = result;
  const lines = [
    `${commands} commands over ${connections} connections, ${succeeded} with success; ${recoveries.length} faults.`,
    ...recoveries.map(formatRecovery),
    `Most memory: ${memory.map(({ name, mostMb }) => `${name} ${mostMb} MB`).join(", ")}.`,
  ];
  if (violations.length === 0) return text([...lines, `Nothing was broken (seed ${seed}).`]);
  return text([
    ...lines,
    "",
    ...violations.slice(0, SHOWN).flatMap(formatViolation),
    `${violations.length} violations: ${countRules(violations)}`,
    `Seed ${seed}; once more: ${again}`,
    ...(folder === null ? [] : [`Data and logs: ${folder}`]),
  ]);
}

function text(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

function formatRecovery({ label, gatewaysMs, clientsMs }: Recovery): string {
  if (gatewaysMs === null || clientsMs === null) return `  ${label}: not measured, another one was too near`;
  return `  ${label}: gateways after ${seconds(gatewaysMs)}, clients after ${seconds(clientsMs)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

function formatViolation({ rule, account, message, events }: Violation): string[] {
  return [
    `BROKEN: ${rule}. ${account} ${message}`,
    ...events.map((event) => `    ${formatEvent(event)}`),
    "",
  ];
}

function countRules(violations: readonly Violation[]): string {
  const counts = new Map<string, number>();
  for (const { rule } of violations) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, count]) => `${rule} (${count})`).join(", ");
}
