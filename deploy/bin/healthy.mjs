#!/usr/bin/env node
/** Whether the node in this container lives: exit status 0, else 1 with the reason. The image's health check. */

const TIMEOUT_MS = 4_000;
// biome-ignore lint/style/noProcessEnv: the setting alone; reading all of them takes longer than the question
const port = process.env.FOYER_OPS_PORT || "9375";
try {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
} catch (error) {
  process.stderr.write(`not healthy: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
