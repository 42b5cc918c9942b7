/** The short screen that `npm start` ends with. */

/** What it shows. */
export interface ScreenFacts {
  world: { id: string; title: string };
  gateways: readonly { ws: string; ops: string }[];
  workers: number;
  databaseUrl: string;
  redisUrl: string;
  logFolder: string;
  /** Login tokens; null where the world has no key to sign with. */
  tokens: { admin: string; attendee: string } | null;
  /** What to type for the command line: `npx foyer`. */
  command: string;
}

/** The screen as text. */
export function screen(facts: ScreenFacts): string {
  const { world, gateways, workers, tokens } = facts;
  const address = (ws: string) => `${ws}/ws/world/${world.id}`;
  const lines = [
    "",
    `Foyer runs: ${gateways.length} gateways and ${workers} workers serve "${world.title}".`,
    "",
    ...gateways.map(({ ws, ops }, i) => `  gateway ${i + 1}  ${address(ws)}   metrics ${ops}/metrics`),
    `  Postgres   ${withoutPassword(facts.databaseUrl)}`,
    `  Redis      ${withoutPassword(facts.redisUrl)}`,
    `  logs       ${facts.logFolder}`,
    "",
    ...(tokens === null
      ? ["No login tokens: the world's keys have no secret to sign with. Guests come in with --client-id."]
      : [
          `Login tokens, good for 30 days:`,
          `  admin      ${tokens.admin}`,
          `  attendee   ${tokens.attendee}`,
        ]),
    "",
    "A changed profile crosses the nodes: paste the first line here in one terminal, the second in another.",
    ...twoLines(facts, address),
    "",
    "Ctrl-C ends it.",
    "",
  ];
  return lines.join("\n");
}

function twoLines({ gateways, tokens, command }: ScreenFacts, address: (ws: string) => string): string[] {
  const login = tokens === null ? "--client-id somebody" : `--token ${tokens.attendee}`;
  const first = address(gateways[0]!.ws);
  const other = address(gateways.at(-1)!.ws);
  return [
    `  ${command} connect ${other} ${login}`,
    `  echo '["user.update", 1, {"profile": {"display_name": "Ada"}}]' | ${command} connect ${first} ${login}`,
  ];
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]+@/, ":…@");
}
